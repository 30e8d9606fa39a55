"""Where rows live: connections, column types, migrations. SQLite now; MySQL and MariaDB take the same tables."""
