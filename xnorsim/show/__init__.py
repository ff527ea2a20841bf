"""How people see it: tables, documents and figures."""
