package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"

	"github.com/sojournhq/sojourn/internal/engine"
)

// object is a JSON object in the order of its text.
type object []member

type member struct {
	name  string
	value any // object, []any, string, json.Number, bool or nil
}

func (o object) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

func (o object) child(name string) object { v, _ := o.get(name).(object); return v }
func (o object) text(name string) string  { v, _ := o.get(name).(string); return v }
func (o object) list(name string) []any   { v, _ := o.get(name).([]any); return v }

func decodeOrdered(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if delim == '[' {
		list := []any{}
		for d.More() {
			v, err := decodeOrdered(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	o := object{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := decodeOrdered(d)
		if err != nil {
			return nil, err
		}
		o = append(o, member{name.(string), v})
	}
	_, err = d.Token()
	return o, err
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := marshalPlain(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshalPlain is json.Marshal without HTML escapes.
func marshalPlain(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// page writes the reference as one HTML page.
type page struct {
	doc object
	b   strings.Builder
}

// renderReference makes the page and returns its style sheet too.
func renderReference(document []byte) (html []byte, style string, err error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	v, err := decodeOrdered(d)
	if err != nil {
		return nil, "", err
	}
	doc, ok := v.(object)
	if !ok {
		return nil, "", errors.New("the document is not an object")
	}
	p := &page{doc: doc}
	p.render()
	return []byte(p.b.String()), referenceStyle, nil
}

func (p *page) f(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

func esc(s string) string { return html.EscapeString(s) }

// operation is one method of one path.
type operation struct {
	method, path string
	shared       object // the path's own members
	object
}

func (p *page) operations() []operation {
	var ops []operation
	for _, path := range p.doc.child("paths") {
		item := path.value.(object)
		for _, m := range item {
			if o, ok := m.value.(object); ok {
				ops = append(ops, operation{strings.ToUpper(m.name), path.name, item, o})
			}
		}
	}
	return ops
}

func (p *page) render() {
	info := p.doc.child("info")
	ops := p.operations()
	p.f(`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">`)
	p.f(`<meta name="color-scheme" content="light dark"><title>%s API</title><style>%s</style></head><body>`, esc(info.text("title")), referenceStyle)
	p.f(`<nav><p class="brand"><a href="#top">%s API</a></p>`, esc(info.text("title")))
	byTag := func(tag string) (found []operation) {
		for _, o := range ops {
			if tags := o.list("tags"); len(tags) > 0 && tags[0] == tag {
				found = append(found, o)
			}
		}
		return found
	}
	for _, t := range p.doc.list("tags") {
		tag := t.(object).text("name")
		p.f(`<p class="group">%s</p><ul>`, esc(tag))
		for _, o := range byTag(tag) {
			p.f(`<li><a href="#%s"><span class="m %s">%s</span><span>%s</span></a></li>`, esc(o.text("operationId")), strings.ToLower(o.method), o.method, esc(o.text("summary")))
		}
		p.f(`</ul>`)
	}
	p.f(`<p class="group">reference</p><ul><li><a href="#errors">Error codes</a></li><li><a href="#schemas">Schemas</a></li></ul></nav>`)
	p.f(`<main id="top"><h1>%s</h1><p class="lead">%s</p>`, esc(info.text("title")), esc(info.text("summary")))
	p.prose(info.text("description"))
	p.f(`<p>This page is made from <a href="/openapi.json">/openapi.json</a>, an OpenAPI 3.1 document that code generators read.</p>`)
	for _, t := range p.doc.list("tags") {
		tag := t.(object)
		p.f(`<h2>%s</h2>`, esc(tag.text("name")))
		p.prose(tag.text("description"))
		for _, o := range byTag(tag.text("name")) {
			p.operation(o)
		}
	}
	p.errors()
	p.schemas()
	p.f(`</main></body></html>`)
}

// prose writes text with paragraphs, `code` and **bold**.
func (p *page) prose(text string) {
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if paragraph != "" {
			p.f(`<p>%s</p>`, inline(paragraph))
		}
	}
}

func inline(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			b.WriteString("<code>" + esc(part) + "</code>")
			continue
		}
		for j, run := range strings.Split(part, "**") {
			if j%2 == 1 {
				b.WriteString("<strong>" + esc(run) + "</strong>")
			} else {
				b.WriteString(esc(run))
			}
		}
	}
	return b.String()
}

// resolve follows a reference, and returns the name of what it points at.
func (p *page) resolve(o object) (object, string) {
	ref := o.text("$ref")
	if ref == "" {
		return o, ""
	}
	target := p.doc
	name := ""
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		target, name = target.child(part), part
	}
	return target, name
}

// inlined is what a reference into another schema points at: only whole schemas have a place of their own on the page.
func (p *page) inlined(o object) object {
	if strings.Count(o.text("$ref"), "/") > strings.Count("#/components/schemas/", "/") {
		o, _ = p.resolve(o)
	}
	return o
}

func (p *page) operation(o operation) {
	p.f(`<section id="%s"><h3>%s</h3><p class="route"><span class="m %s">%s</span> <code>%s</code>`,
		esc(o.text("operationId")), esc(o.text("summary")), strings.ToLower(o.method), o.method, esc(o.path))
	switch scope := o.text("x-scope"); scope {
	case "none":
		p.f(`<span class="scope">no key needed</span>`)
	case "any key":
		p.f(`<span class="scope">any key</span>`)
	default:
		p.f(`<span class="scope">scope <code>%s</code></span>`, esc(scope))
	}
	p.f(`</p>`)
	p.prose(o.text("description"))
	params := append(slices.Clone(o.shared.list("parameters")), o.list("parameters")...)
	if len(params) > 0 {
		p.f(`<h4>Parameters</h4><table>`)
		for _, x := range params {
			param, _ := p.resolve(x.(object))
			required := ""
			if param.get("required") == true {
				required = ` <span class="req">required</span>`
			}
			p.f(`<tr><td><code>%s</code>%s<br><span class="in">%s</span></td><td>`, esc(param.text("name")), required, esc(param.text("in")))
			p.kind(param.child("schema"))
			p.prose(param.text("description"))
			p.f(`</td></tr>`)
		}
		p.f(`</table>`)
	}
	body, _ := p.resolve(o.child("requestBody"))
	content := body.child("content").child("application/json")
	if content != nil {
		optional := ""
		if body.get("required") != true {
			optional = " (optional)"
		}
		p.f(`<h4>Body%s</h4>`, optional)
		schema, _ := p.resolve(content.child("schema"))
		p.schema(schema, 0)
	}
	p.curl(o, content)
	p.f(`<h4>Answers</h4><table>`)
	for _, r := range o.child("responses") {
		response, _ := p.resolve(r.value.(object))
		p.f(`<tr><td class="status">%s</td><td>`, esc(r.name))
		p.prose(response.text("description"))
		for _, h := range response.child("headers") {
			header, _ := p.resolve(h.value.(object))
			p.f(`<p class="header"><code>%s</code> %s</p>`, esc(h.name), inline(header.text("description")))
		}
		for _, c := range response.child("content") {
			media := c.value.(object)
			if strings.HasPrefix(r.name, "2") {
				if schema := media.child("schema"); schema != nil && c.name == "application/json" {
					p.schema(schema, 0)
				}
				p.examples(media)
			}
		}
		p.f(`</td></tr>`)
	}
	p.f(`</table></section>`)
}

// curl writes a command to try the operation with.
func (p *page) curl(o operation, content object) {
	path := o.path
	for _, x := range append(slices.Clone(o.shared.list("parameters")), o.list("parameters")...) {
		param, _ := p.resolve(x.(object))
		if example := param.text("example"); param.text("in") == "path" && example != "" {
			path = strings.ReplaceAll(path, "{"+param.text("name")+"}", example)
		}
	}
	var b strings.Builder
	b.WriteString("curl ")
	if o.method != "GET" && (o.method != "POST" || content == nil) {
		b.WriteString("-X " + o.method + " ")
	}
	b.WriteString("http://127.0.0.1:7373" + path)
	if scope := o.text("x-scope"); scope != "none" {
		b.WriteString(" \\\n  -H \"Authorization: Bearer $SOJOURN_API_KEY\"")
	}
	if examples := content.child("examples"); len(examples) > 0 {
		example, _ := p.resolve(examples[0].value.(object))
		if value, err := marshalPlain(example.get("value")); err == nil {
			b.WriteString(" \\\n  -d '" + string(value) + "'")
		}
	}
	p.f(`<pre>%s</pre>`, esc(b.String()))
}

func (p *page) examples(media object) {
	for _, e := range media.child("examples") {
		example, _ := p.resolve(e.value.(object))
		raw, err := marshalPlain(example.get("value"))
		if err != nil {
			continue
		}
		var pretty bytes.Buffer
		if json.Indent(&pretty, raw, "", "  ") == nil {
			p.f(`<details><summary>Example: %s</summary><pre>%s</pre></details>`, esc(example.text("summary")), esc(pretty.String()))
		}
	}
}

// kind writes what a value may be, on one line.
func (p *page) kind(s object) {
	p.f(`<span class="type">%s</span>`, p.kindText(s))
}

func (p *page) kindText(s object) string {
	if _, name := p.resolve(s); name != "" {
		return `<a href="#schema-` + esc(name) + `">` + esc(name) + `</a>`
	}
	var parts []string
	for _, key := range []string{"oneOf", "anyOf"} {
		var options []string
		for _, x := range s.list(key) {
			options = append(options, p.kindText(x.(object)))
		}
		if len(options) > 0 {
			parts = append(parts, strings.Join(options, " or "))
		}
	}
	switch t := s.get("type").(type) {
	case string:
		if t == "array" {
			parts = append(parts, "array of "+p.kindText(s.child("items")))
		} else {
			parts = append(parts, esc(t))
		}
	case []any:
		var names []string
		for _, x := range t {
			names = append(names, fmt.Sprint(x))
		}
		parts = append(parts, esc(strings.Join(names, " or ")))
	}
	if len(parts) == 0 {
		parts = append(parts, "any JSON")
	}
	if s.get("const") != nil {
		parts = append(parts, "always <code>"+esc(fmt.Sprint(s.get("const")))+"</code>")
	}
	if values := s.list("enum"); len(values) > 0 {
		var names []string
		for _, v := range values {
			names = append(names, "<code>"+esc(fmt.Sprint(v))+"</code>")
		}
		parts = append(parts, strings.Join(names, " "))
	}
	low, high := s.get("minimum"), s.get("maximum")
	switch {
	case low != nil && high != nil:
		parts = append(parts, esc(fmt.Sprintf("%v to %v", low, high)))
	case low != nil:
		parts = append(parts, esc(fmt.Sprintf("at least %v", low)))
	case high != nil:
		parts = append(parts, esc(fmt.Sprintf("at most %v", high)))
	}
	if n := s.get("maxLength"); n != nil {
		parts = append(parts, esc(fmt.Sprintf("at most %v characters", n)))
	}
	if n := s.get("maxItems"); n != nil {
		parts = append(parts, esc(fmt.Sprintf("at most %v items", n)))
	}
	if v := s.get("default"); v != nil {
		parts = append(parts, "default <code>"+esc(fmt.Sprint(v))+"</code>")
	}
	return strings.Join(parts, ", ")
}

// maxNesting is how deep objects are written inside each other.
const maxNesting = 5

// schema writes a value's members.
func (p *page) schema(s object, depth int) {
	_, name := p.resolve(s)
	properties := s.child("properties")
	if name != "" || len(properties) == 0 || depth > maxNesting {
		p.f(`<p>`)
		p.kind(s)
		p.f(`</p>`)
		return
	}
	required := map[any]bool{}
	for _, r := range s.list("required") {
		required[r] = true
	}
	p.f(`<table class="fields">`)
	for _, m := range properties {
		field := p.inlined(m.value.(object))
		mark := ""
		if required[m.name] {
			mark = ` <span class="req">required</span>`
		}
		p.f(`<tr><td><code>%s</code>%s</td><td>`, esc(m.name), mark)
		p.kind(field)
		p.prose(field.text("description"))
		if inner := nested(field); inner != nil {
			p.schema(inner, depth+1)
		}
		p.f(`</td></tr>`)
	}
	p.f(`</table>`)
}

// nested is the object that a field holds, directly or in an array or choice, if its members are to be written there.
func nested(field object) object {
	if len(field.child("properties")) > 0 {
		return field
	}
	if items := field.child("items"); len(items.child("properties")) > 0 {
		return items
	}
	for _, x := range field.list("oneOf") {
		if o := x.(object); len(o.child("properties")) > 0 {
			return o
		}
	}
	return nil
}

func (p *page) errors() {
	p.f(`<h2 id="errors">Error codes</h2><table>`)
	codes := slices.Sorted(maps.Keys(statuses))
	slices.SortStableFunc(codes, func(a, b engine.Code) int { return statuses[a].status - statuses[b].status })
	for _, code := range codes {
		s := statuses[code]
		p.f(`<tr id="%s"><td class="status">%d</td><td><code>%s</code></td><td>%s</td></tr>`, esc(string(code)), s.status, esc(string(code)), esc(s.title))
	}
	p.f(`</table>`)
}

func (p *page) schemas() {
	p.f(`<h2 id="schemas">Schemas</h2>`)
	for _, m := range p.doc.child("components").child("schemas") {
		s := m.value.(object)
		p.f(`<section id="schema-%s"><h3>%s</h3>`, esc(m.name), esc(m.name))
		p.prose(s.text("description"))
		p.schema(s, 0)
		p.f(`</section>`)
	}
}
