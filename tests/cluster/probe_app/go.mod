module probe_app

go 1.24
