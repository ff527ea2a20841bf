"""How people see it: tables, documents and figures."""

from xnorsim.show.inline import teach_shell

teach_shell()
