package sigv4

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// canonicalRequest is step 1 of the specification: method, path, query, headers, their names, payload digest. With
// twice the path as received is percent-encoded once more, as every service but S3 wants it.
func canonicalRequest(r *http.Request, signed []string, digest string, twice bool) (string, error) {
	path := r.URL.EscapedPath() // as it came: Path has lost which slashes were %2F
	if path == "" {
		path = "/"
	}
	if twice {
		path = percentEncode(path, true)
	}
	query, err := canonicalQuery(r.URL.RawQuery)
	if err != nil {
		return "", err
	}
	var headers strings.Builder
	for _, name := range signed {
		value, ok := headerValue(r, name)
		if !ok {
			return "", malformed("SignedHeaders names %s, which the request does not have", name)
		}
		headers.WriteString(name + ":" + value + "\n")
	}
	return strings.Join([]string{r.Method, path, query, headers.String(), strings.Join(signed, ";"), digest}, "\n"), nil
}

// canonicalQuery orders the parameters by name, then value, each percent-encoded.
func canonicalQuery(raw string) (string, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return "", malformed("the query %q cannot be parsed: %v", raw, err)
	}
	var pairs [][2]string
	for name, values := range query {
		for _, value := range values {
			pairs = append(pairs, [2]string{percentEncode(name, false), percentEncode(value, false)})
		}
	}
	// Not sorted as joined text: "a-" comes after "a", though "-" comes before "=".
	slices.SortFunc(pairs, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	var joined []string
	for _, p := range pairs {
		joined = append(joined, p[0]+"="+p[1])
	}
	return strings.Join(joined, "&"), nil
}

// headerValue is a header's values with white space at the ends removed and inner runs of blanks as one, joined by
// commas. net/http keeps host and content-length apart from the other headers.
func headerValue(r *http.Request, name string) (string, bool) {
	switch name {
	case "host":
		return r.Host, true
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10), r.ContentLength >= 0
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.FieldsFunc(v, func(c rune) bool { return c == ' ' }), " ")
		values[i] = strings.TrimSpace(values[i])
	}
	return strings.Join(values, ","), len(values) > 0
}

// percentEncode encodes every byte but the unreserved characters of RFC 3986 section 2.3, and slashes where they are kept.
func percentEncode(s string, keepSlash bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0, c == '/' && keepSlash:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
