"""Blinded rating of whole scans by several readers: studies, reading orders, ratings and their export."""
