package config

import (
	"strings"
)

// Keys lists the schema: "tls.min_version", and of labelled blocks "limits.sign_in.burst".
func Keys() []string { return keysOf("", schema(defaults())) }

func keysOf(within string, b body) (names []string) {
	for _, k := range b.keys {
		names = append(names, within+k.name)
	}
	for _, k := range b.blocks {
		inner, err := k.open(k.sample())
		if err != nil {
			panic(err)
		}
		names = append(names, keysOf(within+k.name+".", inner)...)
	}
	return names
}

// ParseApart is Parse without holding keys to one another: an example shows ways of which one excludes the other.
func ParseApart(name, text string) (*Config, error) {
	c := defaults()
	d := &decoder{file: name, folder: "."}
	d.decode([]byte(text), alone(schema(c)))
	if len(d.faults) > 0 {
		return nil, d.sorted()
	}
	return c, nil
}

// alone is a body without its checks.
func alone(b body) body {
	b.check = nil
	blocks := b.blocks
	b.blocks = nil
	for _, k := range blocks {
		open := k.open
		k.open = func(label string) (body, error) {
			inner, err := open(label)
			return alone(inner), err
		}
		b.blocks = append(b.blocks, k)
	}
	return b
}

// Uncommented is an example with all settings in force: a setting that is commented out has its # right before its name.
func Uncommented(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		bare := strings.TrimLeft(line, " ")
		if len(bare) > 1 && bare[0] == '#' && bare[1] != ' ' {
			lines[i] = bare[1:]
		}
	}
	return strings.Join(lines, "\n")
}
