"""Pictures from outside: which addresses may be asked, what may come back, and how it is decoded."""
