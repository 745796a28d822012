"""Neural networks on plain arrays; torch is imported only when one is trained or used."""
