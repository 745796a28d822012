"""Engines that write a lake's tables in a form other tools read."""
