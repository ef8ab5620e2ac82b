package dashboard

import (
	"net/url"
	"strings"
)

// pages are the paths that the front end draws itself. Each is answered with index.html; segments in braces are anything
// but nothing.
var pages = []string{
	"/",
	"/signin",
	"/executions",
	"/executions/{id}",
	"/workflows",
	"/workflows/{name}",
	"/workflows/{name}/start",
	"/inbox",
	"/workers",
	"/webhooks",
	"/webhooks/endpoints/{id}",
	"/webhooks/deliveries/{id}",
	"/keys",
	"/system",
}

// isPage reports whether the front end has a page at the path. Like the API it knows no slash at the end.
func isPage(u *url.URL) bool {
	path := u.EscapedPath() // a slash that is encoded separates nothing
	for _, pattern := range pages {
		if fits(pattern, path) {
			return true
		}
	}
	return false
}

func fits(pattern, path string) bool {
	for {
		want, wants, more := strings.Cut(pattern, "/")
		got, rest, has := strings.Cut(path, "/")
		if more != has || want != got && (!strings.HasPrefix(want, "{") || got == "") {
			return false
		}
		if !more {
			return true
		}
		pattern, path = wants, rest
	}
}
