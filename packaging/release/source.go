package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// source is the commit that a release is made of.
type source struct {
	commit  string // 40 digits
	time    time.Time
	version string // 1.2.3 where a tag v1.2.3 is on the commit, else one that sorts before the version to come
}

var engineVersion = regexp.MustCompile(`(?m)^const Version = "(\d+\.\d+\.\d+)"$`)

// readSource looks at the commit, and refuses sources that are in none unless they are wanted.
func readSource(root string, modified bool) (source, error) {
	out, err := output(root, "git", "log", "-1", "--format=%H %ct")
	if err != nil {
		return source{}, err
	}
	commit, seconds, _ := strings.Cut(strings.TrimSpace(out), " ")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return source{}, fmt.Errorf("the time of commit %s: %w", commit, err)
	}
	s := source{commit: commit, time: time.Unix(at, 0).UTC()}
	changes, err := output(root, "git", "status", "--porcelain")
	if err != nil {
		return source{}, err
	}
	if changes != "" && !modified {
		return source{}, fmt.Errorf("the sources differ from commit %s:\n%scommit them, or say -modified for a release that nobody gets", commit, changes)
	}
	tags, err := output(root, "git", "tag", "--points-at", "HEAD", "--list", "v*")
	if err != nil {
		return source{}, err
	}
	engine, err := os.ReadFile(root + "/engine/engine.go")
	if err != nil {
		return source{}, fmt.Errorf("looking for the version: %w", err)
	}
	m := engineVersion.FindSubmatch(engine)
	if m == nil {
		return source{}, fmt.Errorf("engine/engine.go has no line %s", engineVersion)
	}
	s.version = versionOf(strings.Fields(tags), string(m[1]), s, changes != "")
	return s, nil
}

// versionOf is the version of the packages. The tilde sorts before everything to dpkg and rpm, so that the release replaces what was made on
// the way to it.
func versionOf(tags []string, engine string, s source, modified bool) string {
	version := fmt.Sprintf("%s~git%s.%s", engine, s.time.Format("20060102150405"), s.commit[:12])
	for _, tag := range tags {
		if !strings.Contains(tag, "-") {
			version = strings.TrimPrefix(tag, "v")
		}
	}
	if modified {
		version += "+modified"
	}
	return version
}

// output runs a program and returns what it prints.
func output(folder, name string, args ...string) (string, error) {
	c := exec.Command(name, args...) //nolint:noctx // ends with this program
	c.Dir = folder
	var faults bytes.Buffer
	c.Stderr = &faults
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(faults.String()))
	}
	return string(out), nil
}
