//go:build !nextschema

package postgres

// nextMigrations are those of a release that does not exist yet: there are none.
var nextMigrations []migration
