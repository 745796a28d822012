"""Clinical text as numbers and spans: functions on strings, without files, lakes or subjects."""
