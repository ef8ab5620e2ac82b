package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// tree is a JSON object that keeps the order of its members. Other values are []any, string, json.Number, bool and nil.
type tree struct {
	names  []string
	values map[string]any
}

// MarshalJSON writes the members in order.
func (t *tree) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range t.names {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := plainJSON(name)
		if err != nil {
			return nil, err
		}
		value, err := plainJSON(t.values[name])
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (t *tree) set(name string, v any) {
	if t.values == nil {
		t.values = map[string]any{}
	}
	if _, ok := t.values[name]; !ok {
		t.names = append(t.names, name)
	}
	t.values[name] = v
}

// decodeTree reads one JSON value. Errors say line and column.
func decodeTree(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := decodeValue(d)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is something after the value")
		}
	}
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return v, nil
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("not JSON: %s: %w", where(text, syntax.Offset), err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("not JSON: it ends too early")
	default:
		return nil, fmt.Errorf("not JSON: %s: %w", where(text, d.InputOffset()), err)
	}
}

func decodeValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		t := &tree{values: map[string]any{}}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			name, _ := key.(string)
			if _, twice := t.values[name]; twice {
				return nil, fmt.Errorf("the member %q is there twice", name)
			}
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			t.set(name, v)
		}
		_, err := d.Token()
		return t, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	default:
		return token, nil
	}
}

// assign sets the value at a path such as lines[2].qty, making objects and the next element of a list as needed.
func assign(at any, path string, v any) (any, error) {
	step, rest, err := cutPath(path)
	if err != nil {
		return nil, err
	}
	if name, ok := step.(string); ok {
		t, ok := at.(*tree)
		switch {
		case at == nil:
			t = &tree{values: map[string]any{}}
		case !ok:
			return nil, fmt.Errorf("%q is inside something that is no object", name)
		}
		if rest != "" {
			if v, err = assign(t.values[name], rest, v); err != nil {
				return nil, err
			}
		}
		t.set(name, v)
		return t, nil
	}
	i := step.(int)
	list, ok := at.([]any)
	switch {
	case at != nil && !ok:
		return nil, fmt.Errorf("[%d] is inside something that is no list", i)
	case i > len(list):
		return nil, fmt.Errorf("[%d] leaves a gap: the list has %d elements", i, len(list))
	case i == len(list):
		list = append(list, nil)
	}
	if rest != "" {
		if v, err = assign(list[i], rest, v); err != nil {
			return nil, err
		}
	}
	list[i] = v
	return list, nil
}

// cutPath takes the first name or index from a path.
func cutPath(path string) (step any, rest string, err error) {
	if inside, ok := strings.CutPrefix(path, "["); ok {
		number, after, ok := strings.Cut(inside, "]")
		i, bad := strconv.Atoi(number)
		if !ok || bad != nil || i < 0 {
			return nil, "", fmt.Errorf("%q is not an index such as [0]", path)
		}
		return i, strings.TrimPrefix(after, "."), nil
	}
	end := strings.IndexAny(path, ".[")
	switch {
	case path == "" || end == 0:
		return nil, "", errors.New("a name is missing in the path")
	case end < 0:
		return path, "", nil
	case path[end] == '.' && end+1 == len(path):
		return nil, "", errors.New("a name is missing at the end of the path")
	default:
		return path[:end], strings.TrimPrefix(path[end:], "."), nil
	}
}

func validText(b []byte) bool { return utf8.Valid(b) && !bytes.ContainsRune(b, 0) }
