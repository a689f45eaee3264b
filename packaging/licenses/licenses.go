// Package licenses says under which license a dependency is, from the text that its author shipped, and whether we may pass it on.
//
// It knows the texts of the licenses below and no others: a text that it does not know is a fault for a person to look at, never a guess.
// It holds no list of dependencies: package sbom finds those. Begin with Of.
package licenses

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// allowed are the licenses (SPDX identifiers) of what we pass on or build with. Those with an obligation beyond keeping the text
// say it.
var allowed = map[string]string{
	"Apache-2.0":   "the NOTICE file goes with it",
	"BSD-2-Clause": "", "BSD-3-Clause": "", "ISC": "", "MIT": "", "MIT-0": "", "0BSD": "", "Unlicense": "", "CC0-1.0": "", "Zlib": "", "BlueOak-1.0.0": "",
	"MPL-2.0":    "unchanged, and the notices say where its source is",
	"OFL-1.1":    "fonts, unchanged and under their name",
	"CC-BY-4.0":  "data, named with its author",
	"Python-2.0": "",
}

// text is what the words of a license have in them, in lower case, with one space between words and without marks.
type text struct {
	id   string
	has  []string
	lack []string
}

var texts = []text{
	{"Apache-2.0", []string{"apache license version 2 0 january 2004", "grant of patent license"}, nil},
	{"MPL-2.0", []string{"mozilla public license version 2 0", "covered software"}, nil},
	{"MIT", []string{"permission is hereby granted free of charge to any person obtaining a copy", "the above copyright notice and this permission notice shall be included"}, nil},
	{"MIT-0", []string{"permission is hereby granted free of charge to any person obtaining a copy"}, []string{"the above copyright notice and this permission notice"}},
	{"ISC", []string{"permission to use copy modify and or distribute this software for any purpose with or without fee is hereby granted provided that the above copyright notice"}, nil},
	{"ISC", []string{"permission to use copy modify and distribute this software for any purpose with or without fee is hereby granted provided that the above copyright notice"}, nil},
	{"0BSD", []string{"permission to use copy modify and or distribute this software for any purpose with or without fee is hereby granted the software is provided"}, nil},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms with or without modification are permitted", "endorse or promote products"}, []string{"all advertising materials mentioning"}},
	{"BSD-2-Clause", []string{"redistribution and use in source and binary forms with or without modification are permitted"}, []string{"endorse or promote products", "all advertising materials mentioning"}},
	{"BSD-4-Clause", []string{"all advertising materials mentioning"}, nil},
	{"Unlicense", []string{"this is free and unencumbered software released into the public domain"}, nil},
	{"CC0-1.0", []string{"creative commons", "cc0 1 0 universal"}, nil},
	{"OFL-1.1", []string{"sil open font license version 1 1"}, nil},
	{"Zlib", []string{"this software is provided as is without any express or implied warranty in no event will the authors be held liable", "altered source versions must be plainly marked"}, nil},
	{"GPL", []string{"gnu general public license version"}, []string{"mozilla public license version 2 0"}},
	{"LGPL", []string{"gnu lesser general public license version"}, []string{"mozilla public license version 2 0"}},
	{"AGPL", []string{"gnu affero general public license version"}, []string{"mozilla public license version 2 0"}},
	{"BUSL-1.1", []string{"business source license 1 1"}, nil},
	{"SSPL-1.0", []string{"server side public license"}, nil},
	{"Commons-Clause", []string{"commons clause license condition"}, nil},
}

// Text is a file that goes with what is passed on.
type Text struct {
	Name  string // of the file
	Words string
}

// License is what a dependency is under.
type License struct {
	IDs   []string // SPDX identifiers, sorted; several where its parts are under several, and all of them hold
	Texts []Text   // the files of licenses and notices, in the order of their names
}

// Expression is the license as SPDX writes it.
func (l License) Expression() string { return strings.Join(l.IDs, " AND ") }

// ErrUnknown is wrapped by errors about a text that none of the known licenses is.
var ErrUnknown = errors.New("no license that this check knows")

var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense|notice)([.-].*)?$`)

// Of reads the license of what lies in a folder from the files of its root.
func Of(folder string) (License, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return License{}, fmt.Errorf("looking for a license: %w", err)
	}
	var l License
	for _, e := range entries {
		if e.IsDir() || !licenseFile.MatchString(e.Name()) || e.Type()&fs.ModeSymlink != 0 {
			continue
		}
		words, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return License{}, fmt.Errorf("reading a license: %w", err)
		}
		l.Texts = append(l.Texts, Text{e.Name(), string(words)})
		l.IDs = append(l.IDs, Recognise(string(words))...)
	}
	slices.Sort(l.IDs)
	l.IDs = slices.Compact(l.IDs)
	switch {
	case len(l.Texts) == 0:
		return l, fmt.Errorf("%s: no file with a license: %w", folder, ErrUnknown)
	case len(l.IDs) == 0:
		return l, fmt.Errorf("%s, %s: %w; read it, and add its words to packaging/licenses or leave the dependency out", folder, l.Texts[0].Name, ErrUnknown)
	}
	return l, nil
}

var marks = regexp.MustCompile(`[^a-z0-9]+`)

// Recognise returns the identifiers of the licenses whose words a text has, sorted; none where it knows none of them.
func Recognise(words string) (ids []string) {
	plain := marks.ReplaceAllString(strings.ToLower(words), " ")
	has := func(part string) bool { return strings.Contains(plain, part) }
	for _, t := range texts {
		if !slices.ContainsFunc(t.has, func(s string) bool { return !has(s) }) && !slices.ContainsFunc(t.lack, has) {
			ids = append(ids, t.id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Refused returns those of the identifiers under which nothing of ours may be; an expression "A OR B" is one identifier and is
// allowed where one of its sides is.
func Refused(ids []string) (refused []string) {
	for _, id := range ids {
		one := false
		for side := range strings.SplitSeq(strings.Trim(id, "()"), " OR ") {
			every := true
			for part := range strings.SplitSeq(side, " AND ") {
				_, ok := allowed[strings.Trim(part, "() ")]
				every = every && ok
			}
			one = one || every
		}
		if !one {
			refused = append(refused, id)
		}
	}
	return refused
}
