"""The package that entry scripts of parallel jobs import on Azure: its `parallel_run.EntryScript`, made anew."""
