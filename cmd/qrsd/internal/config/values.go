package config

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// The kinds of values. Each gives a function that checks one and keeps it; its error is the reason and the mend, without the place.

// asText is a text in quotes. A secret's reference is none.
func asText(v cty.Value) (string, error) {
	switch {
	case v.Type().Equals(secretType):
		return "", fmt.Errorf("file(...) and env(...) are for secrets alone; write the text itself in quotes")
	case !v.Type().Equals(cty.String):
		return "", fmt.Errorf("must be a text in quotes, not a %s", v.Type().FriendlyName())
	}
	return v.AsString(), nil
}

// text keeps a text that check lets pass.
func text(to *string, check func(string) error) func(*decoder, cty.Value) error {
	return func(_ *decoder, v cty.Value) error {
		s, err := asText(v)
		if err != nil {
			return err
		}
		if err := check(s); err != nil {
			return err
		}
		*to = s
		return nil
	}
}

// path keeps the path of a file or folder.
func path(to *string) func(*decoder, cty.Value) error {
	return func(d *decoder, v cty.Value) error {
		s, err := asText(v)
		if err != nil {
			return err
		}
		if err := pathText(s); err != nil {
			return err
		}
		*to = under(d.folder, s)
		return nil
	}
}

// paths keeps the paths of files.
func paths(to *[]string) func(*decoder, cty.Value) error {
	return func(d *decoder, v cty.Value) error {
		return list(to, func(s string) (string, error) { return under(d.folder, s), pathText(s) })(d, v)
	}
}

func pathText(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("the path is empty; name a file or folder, or leave the key out")
	case strings.Contains(s, "-----BEGIN"):
		return fmt.Errorf("must be the path of a file, not its content: put the content into a file of mode 0600 and name that")
	case strings.ContainsAny(s, "\x00\n"):
		return fmt.Errorf("%q: a path has no line end and no NUL in it", s)
	}
	return nil
}

// secret keeps a reference. The value of a literal is not repeated: messages end up in logs.
func secret(to *Secret) func(*decoder, cty.Value) error {
	return func(_ *decoder, v cty.Value) error {
		if !v.Type().Equals(secretType) {
			return fmt.Errorf(`a secret does not stand in this file: put it into a file of mode 0600 and write file("path"), or env("VARIABLE")`)
		}
		s, ok := v.EncapsulatedValue().(*Secret)
		if !ok {
			panic("config: the capsule of a secret holds something else")
		}
		*to = *s
		return nil
	}
}

// flag keeps true or false.
func flag(to *bool) func(*decoder, cty.Value) error {
	return func(_ *decoder, v cty.Value) error {
		if !v.Type().Equals(cty.Bool) {
			return fmt.Errorf("must be true or false, without quotes")
		}
		*to = v.True()
		return nil
	}
}

// whole keeps a whole number in a range, ends included.
func whole(to *int, least, most int) func(*decoder, cty.Value) error {
	return func(_ *decoder, v cty.Value) error {
		if !v.Type().Equals(cty.Number) {
			return fmt.Errorf("must be a whole number of %d to %d, without quotes", least, most)
		}
		n, exact := v.AsBigFloat().Int64()
		if exact != big.Exact || n < int64(least) || n > int64(most) {
			shown, _ := v.AsBigFloat().Float64() // the number itself may have a thousand million digits
			return fmt.Errorf("%v: must be a whole number of %d to %d", shown, least, most)
		}
		*to = int(n)
		return nil
	}
}

// oneOf keeps one of a few names.
func oneOf(to *string, names ...string) func(*decoder, cty.Value) error {
	return text(to, func(s string) error {
		if !slices.Contains(names, s) {
			return fmt.Errorf("%q: must be one of %s", s, strings.Join(names, ", "))
		}
		return nil
	})
}

// span keeps a duration with its unit, in a range, ends included.
func span(to *time.Duration, least, most time.Duration) func(*decoder, cty.Value) error {
	return func(_ *decoder, v cty.Value) error {
		s, err := asText(v)
		if err != nil {
			return fmt.Errorf(`must be a duration with its unit, such as "30s", "15m" or "12h"`)
		}
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf(`%q: must be a duration with its unit, such as "30s", "15m" or "12h"`, s)
		}
		if d < least || d > most {
			return fmt.Errorf("%q: must lie in %s to %s", s, inWords(least), inWords(most))
		}
		*to = d
		return nil
	}
}

// inWords is a duration without units that are zero.
func inWords(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// units of sizes, in the powers of 1,024 that computers count in.
func units() []string { return []string{"B", "KiB", "MiB", "GiB", "TiB"} }

// size keeps a number of bytes with its unit, in a range, ends included.
func size[N int | int64](to *N, least, most int64) func(*decoder, cty.Value) error {
	return func(_ *decoder, v cty.Value) error {
		s, err := asText(v)
		if err != nil {
			return fmt.Errorf(`must be a size with its unit, such as "4MiB"`)
		}
		n, err := parseSize(s)
		if err != nil {
			return err
		}
		if n < least || n > most {
			return fmt.Errorf("%q: must lie in %s to %s", s, sizeInWords(least), sizeInWords(most))
		}
		*to = N(n)
		return nil
	}
}

func parseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "BKMGTi")
	unit := slices.Index(units(), s[len(digits):])
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if err != nil || unit < 0 || n < 0 || n > 1<<62>>(10*unit) {
		return 0, fmt.Errorf("%q: must be a whole number with one of the units %s", s, strings.Join(units(), ", "))
	}
	return n << (10 * unit), nil
}

func sizeInWords(n int64) string {
	unit := 0
	for ; n >= 1024 && n%1024 == 0 && unit+1 < len(units()); unit++ {
		n /= 1024
	}
	return fmt.Sprintf("%d%s", n, units()[unit])
}

// list keeps texts, each of which each turns into a value.
func list[T any](to *[]T, each func(string) (T, error)) func(*decoder, cty.Value) error {
	return func(_ *decoder, v cty.Value) error {
		if !v.Type().IsTupleType() && !v.Type().IsListType() {
			return fmt.Errorf(`must be a list, such as ["..."], not a %s`, v.Type().FriendlyName())
		}
		all := make([]T, 0, v.LengthInt())
		for _, element := range v.AsValueSlice() {
			if element.IsNull() {
				return fmt.Errorf("null is no element of the list")
			}
			s, err := asText(element)
			if err != nil {
				return fmt.Errorf("an element: %w", err)
			}
			one, err := each(s)
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		*to = all
		return nil
	}
}
