package reference

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// curl is a command line that asks for the operation. $QRSD is the appliance's address, $QRSD_API_KEY a key; a session's cookie is kept
// in the file cookies.txt.
func (d *Description) curl(method, path string, o operation, given []parameter) string {
	lines := []string{"curl" + map[bool]string{true: " -X " + method}[method != "GET"] + ` "$QRSD` + d.filled(path, given) + `"`}
	begins := d.setsCookie(o)
	switch {
	case o.Security != nil && opens(*o.Security):
		if begins {
			lines = append(lines, `-c cookies.txt`)
		}
	case d.forKeys(o):
		lines = append(lines, `-H "Authorization: Bearer $QRSD_API_KEY"`)
	default:
		lines = append(lines, `-b cookies.txt`+map[bool]string{true: ` -c cookies.txt`}[begins])
		if method != "GET" {
			lines = append(lines, `-H "Origin: $QRSD"`)
		}
	}
	for _, p := range given {
		if p.In == "header" {
			lines = append(lines, fmt.Sprintf("-H '%s: %v'", p.Name, p.Example))
		}
	}
	if parts := d.partsExample(o); parts != nil {
		for _, p := range parts {
			lines = append(lines, "-F '"+p+"'")
		}
	} else if body := d.bodyExample(o); body != "" {
		lines = append(lines, "-H 'Content-Type: application/json'", "-d '"+strings.ReplaceAll(body, "'", `'\''`)+"'")
	}
	return strings.Join(lines, " \\\n  ")
}

// partsExample are the parts of a body of multipart/form-data, as curl takes them; nil: it is none.
func (d *Description) partsExample(o operation) (parts []string) {
	if o.Body == nil {
		return nil
	}
	body, _ := find(d.document.Components.RequestBodies, o.Body.Ref) // checked by Parse
	if len(body.Content) == 0 || body.Content[0].Name != "multipart/form-data" {
		return nil
	}
	var example map[string]string
	if json.Unmarshal([]byte(d.bodyExample(o)), &example) != nil {
		return nil
	}
	s, _ := find(d.document.Components.Schemas, body.Content[0].Value.Schema.Ref) // checked by Parse
	for _, p := range s.Properties {
		switch value := example[p.Name]; {
		case value != "" && p.Value.Format == "binary":
			parts = append(parts, p.Name+"=@"+value)
		case value != "":
			parts = append(parts, p.Name+"="+value)
		}
	}
	return parts
}

// opens reports whether nobody needs to be known.
func opens(security []map[string][]string) bool { return len(security) == 0 || len(security[0]) == 0 }

// setsCookie reports whether the good reply begins a session or gives the present one a new cookie.
func (d *Description) setsCookie(o operation) bool {
	for _, r := range o.Responses {
		for _, h := range r.Value.Headers {
			if r.Name[0] == '2' && h.Name == "Set-Cookie" {
				return true
			}
		}
	}
	return false
}

// filled is the path with examples in place of its parameters, and a query of those that are needed or have an example of their own.
func (d *Description) filled(path string, given []parameter) string {
	query := url.Values{}
	for _, p := range given {
		switch {
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", d.valueOf(p))
		case p.In == "query" && p.Required:
			query.Set(p.Name, d.valueOf(p))
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

func (d *Description) valueOf(p parameter) string {
	if p.Example != nil {
		return fmt.Sprint(p.Example)
	}
	s, err := find(d.document.Components.Schemas, p.Schema.Ref)
	var text string
	if err == nil && len(s.Examples) > 0 && json.Unmarshal(s.Examples[0], &text) == nil {
		return text
	}
	return strings.ToUpper(p.Name)
}

func (d *Description) bodyExample(o operation) string {
	if o.Body == nil {
		return ""
	}
	body, _ := find(d.document.Components.RequestBodies, o.Body.Ref) // checked by Parse
	for _, m := range body.Content {
		if s, err := find(d.document.Components.Schemas, m.Value.Schema.Ref); err == nil && len(s.Examples) > 0 {
			return string(s.Examples[0])
		}
	}
	return ""
}
