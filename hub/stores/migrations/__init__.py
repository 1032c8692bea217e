"""Numbered migrations, expand first, contract later: code of the release before must run on the schema of this one."""
