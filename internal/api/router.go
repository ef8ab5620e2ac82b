package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxParams is the most parameters of one path.
const maxParams = 2

// router finds routes by path. Unlike http.ServeMux it never redirects, and leaves every answer to the API.
type router struct {
	root node
}

// node is one segment of the known paths.
type node struct {
	literal map[string]*node
	param   *node
	routes  []*route // one per method
}

func newRouter(table []route) (*router, error) {
	r := &router{}
	for i := range table {
		rt := &table[i]
		switch a := rt.access; {
		case a == access{}:
			return nil, fmt.Errorf("route %s %s does not say which scope it needs", rt.method, rt.pattern)
		case a.public && (a.anyKey || a.scope != 0) || a.anyKey && a.scope != 0:
			return nil, fmt.Errorf("route %s %s says two things about its scope", rt.method, rt.pattern)
		case rt.handle == nil:
			return nil, fmt.Errorf("route %s %s has no handler", rt.method, rt.pattern)
		}
		n, params := &r.root, 0
		for segment := range strings.SplitSeq(strings.TrimPrefix(rt.pattern, "/"), "/") {
			if strings.HasPrefix(segment, "{") {
				if params++; params > maxParams {
					return nil, fmt.Errorf("route %s has more than %d parameters", rt.pattern, maxParams)
				}
				if n.param == nil {
					n.param = &node{}
				}
				n = n.param
				continue
			}
			if n.literal == nil {
				n.literal = map[string]*node{}
			}
			if n.literal[segment] == nil {
				n.literal[segment] = &node{}
			}
			n = n.literal[segment]
		}
		if n.find(rt.method) != nil {
			return nil, fmt.Errorf("route %s %s is there twice", rt.method, rt.pattern)
		}
		n.routes = append(n.routes, rt)
	}
	return r, nil
}

func (n *node) find(method string) *route {
	for _, rt := range n.routes {
		if rt.method == method {
			return rt
		}
	}
	return nil
}

// find is the route of the request, or nil, and sets the parameters of its path.
func (r *router) find(req *http.Request, params *[maxParams]string) *route {
	method := req.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var found *route
	r.root.walk(pathOf(req.URL), params, 0, func(n *node) bool {
		found = n.find(method)
		return found != nil
	})
	return found
}

// methods are those that the request's path knows, sorted. A path that stands in the table literally knows no others.
func (r *router) methods(req *http.Request) []string {
	var methods []string
	var params [maxParams]string
	r.root.walk(pathOf(req.URL), &params, 0, func(n *node) bool {
		for _, rt := range n.routes {
			methods = append(methods, rt.method)
			if rt.method == http.MethodGet {
				methods = append(methods, http.MethodHead)
			}
		}
		return len(n.routes) > 0
	})
	slices.Sort(methods)
	return slices.Compact(methods)
}

// path is a path of a request that is still to be matched.
type path struct {
	text    string
	escaped bool // segments are percent-encoded
}

func pathOf(u *url.URL) path {
	p := path{u.Path, false}
	if u.RawPath != "" {
		p = path{u.RawPath, true}
	}
	if !strings.HasPrefix(p.text, "/") {
		return path{"\x00", false} // "*" and the like: matches nothing
	}
	p.text = p.text[1:]
	return p
}

// walk calls visit with each node that the path leads to, literal segments before parameters, until visit is content.
func (n *node) walk(p path, params *[maxParams]string, depth int, visit func(*node) bool) bool {
	segment, rest, more := strings.Cut(p.text, "/")
	if p.escaped {
		s, err := url.PathUnescape(segment)
		if err != nil {
			return false
		}
		segment = s
	}
	descend := func(child *node, depth int) bool {
		if !more {
			return visit(child)
		}
		return child.walk(path{rest, p.escaped}, params, depth, visit)
	}
	if child := n.literal[segment]; child != nil && descend(child, depth) {
		return true
	}
	if n.param == nil || segment == "" || depth == maxParams {
		return false
	}
	params[depth] = segment
	return descend(n.param, depth+1)
}
