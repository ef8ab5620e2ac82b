package postgres

import (
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Describe names the database of an address for people: hosts and name, without user and password. Of an address that
// cannot be read it tells nothing.
func Describe(dsn string) string {
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
