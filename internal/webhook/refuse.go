package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// Guard decides where messages may go: to public addresses, on the ports of HTTP, and to what it was told to allow.
//
// It judges the address that is about to be dialled, after the name was resolved, so a name that changes its address
// between two looks gains nothing.
type Guard struct {
	public    *ssrf.Guardian
	prefixes  []netip.Prefix
	hosts     map[string]bool
	allowHTTP bool
	resolver  *net.Resolver
}

// GuardConfig configures a Guard. Zero fields mean the defaults.
type GuardConfig struct {
	// Allow are networks (10.1.0.0/16), addresses (10.1.2.3) and host names (hooks.internal) that may be reached on any
	// port besides the public ones.
	Allow []string
	// AllowHTTP allows http:// URLs; default: https:// alone.
	AllowHTTP bool
	// Resolver looks up names; default: the system's.
	Resolver *net.Resolver
}

// NewGuard makes a guard.
func NewGuard(c GuardConfig) (*Guard, error) {
	g := &Guard{
		// The standard port of a scheme alone would let a URL reach any service of a public host.
		public: ssrf.New(), hosts: map[string]bool{}, allowHTTP: c.AllowHTTP, resolver: c.Resolver,
	}
	for _, text := range c.Allow {
		if p, err := netip.ParsePrefix(text); err == nil {
			g.prefixes = append(g.prefixes, p.Masked())
			continue
		}
		if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
			a = a.Unmap()
			g.prefixes = append(g.prefixes, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		host := hostName(text)
		if host == "" || strings.ContainsAny(host, "/:@*? ") {
			return nil, fmt.Errorf("webhook: %q is neither a network such as 10.1.0.0/16, nor an address, nor a host name", text)
		}
		g.hosts[host] = true
	}
	return g, nil
}

// hostName is a host's name in the form in which names are compared.
func hostName(text string) string { return strings.TrimSuffix(strings.ToLower(text), ".") }

// errRefused is a destination that the guard does not allow.
var errRefused = errors.New("the address is not public")

// CheckURL refuses what can be refused without looking up a name. The error says why, as the end of a sentence.
func (g *Guard) CheckURL(u *url.URL) error {
	if u.Scheme == "http" && !g.allowHTTP {
		return errors.New("must begin with https://: this server sends nothing in clear text")
	}
	host := hostName(u.Hostname())
	if g.hosts[host] {
		return nil
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		if host != "localhost" && !strings.HasSuffix(host, ".localhost") {
			return nil // judged when it is connected to
		}
		a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	port := uint16(443)
	if u.Scheme == "http" {
		port = 80
	}
	if text := u.Port(); text != "" {
		p, err := netip.ParseAddrPort("0.0.0.0:" + text)
		if err != nil {
			return errors.New("has no valid port")
		}
		port = p.Port()
	}
	if err := g.judge(netip.AddrPortFrom(a, port)); err != nil {
		return errors.New("must not name an address inside the server's own network, or a port other than 80 and 443, unless the server's operator allows it (--callback-allow)")
	}
	return nil
}

// judge refuses an address.
func (g *Guard) judge(to netip.AddrPort) error {
	a := to.Addr().Unmap()
	for _, p := range g.prefixes {
		if p.Contains(a.WithZone("")) {
			return nil
		}
	}
	if err := g.public.SafeAddrPort(to); err != nil {
		return fmt.Errorf("%w: %s", errRefused, to)
	}
	return nil
}

// DialContext connects to what the guard allows.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, Resolver: g.resolver}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if !g.hosts[hostName(host)] {
		d.Control = func(network, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || network != "tcp4" && network != "tcp6" {
				return errRefused
			}
			return g.judge(to)
		}
	}
	return d.DialContext(ctx, network, address)
}
