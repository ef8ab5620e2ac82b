package postgres

import "slices"

// BackupTables are the tables that a backup knows, those among them that it leaves out.
func BackupTables() []string { return slices.Concat(backedUp, leftOut) }
