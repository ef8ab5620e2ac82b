package postgres

import (
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Addresses are those that a text names: one as libpq reads it, or several URLs with spaces between them, of databases
// that are used as one.
func Addresses(text string) []string {
	list := strings.Fields(text)
	for _, x := range list {
		if !strings.HasPrefix(x, "postgres://") && !strings.HasPrefix(x, "postgresql://") {
			return []string{text}
		}
	}
	if len(list) == 0 {
		return []string{text}
	}
	return list
}

// Describe names the database of an address for people: hosts and name, without user and password. Of an address that
// cannot be read it tells nothing.
func Describe(dsn string) string {
	if list := Addresses(dsn); len(list) > 1 {
		for i, x := range list {
			list[i] = Describe(x)
		}
		return strings.Join(list, " ")
	}
	c, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return "an address that cannot be read"
	}
	var hosts []string
	add := func(host string, port uint16) {
		if !strings.HasPrefix(host, "/") {
			host = net.JoinHostPort(host, strconv.Itoa(int(port)))
		}
		if len(hosts) == 0 || hosts[len(hosts)-1] != host { // with and without TLS
			hosts = append(hosts, host)
		}
	}
	add(c.Host, c.Port)
	for _, f := range c.Fallbacks {
		add(f.Host, f.Port)
	}
	return strings.Join(hosts, ",") + "/" + c.Database
}
