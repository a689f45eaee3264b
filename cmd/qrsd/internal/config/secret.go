package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/qrsrisk/qrsd/store/directory"
)

// maxSecret bounds what is read of a file with a secret, in bytes.
const maxSecret = 4096

// Secret is a reference to a secret: where it is, never what it is. It is read when it is needed, so that a file may be replaced.
type Secret struct {
	file, variable string // one of them, or neither
}

// IsZero reports whether there is no reference.
func (s Secret) IsZero() bool { return s == Secret{} }

// String says where the secret is.
func (s Secret) String() string {
	switch {
	case s.file != "":
		return fmt.Sprintf("file(%q)", s.file)
	case s.variable != "":
		return fmt.Sprintf("env(%q)", s.variable)
	}
	return "none"
}

// Read reads the secret: of a file the first line, without its end. A file that others may read or change is refused, and so is an
// empty secret.
func (s Secret) Read() (directory.Secret, error) {
	if s.variable != "" {
		text := os.Getenv(s.variable)
		if text == "" {
			return directory.Secret{}, fmt.Errorf("%s: the variable is empty or not set; set it for the service", s)
		}
		return directory.NewSecret(text), nil
	}
	f, err := os.Open(s.file)
	if err != nil {
		return directory.Secret{}, fmt.Errorf("reading a secret: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return directory.Secret{}, fmt.Errorf("reading a secret: %w", err)
	}
	if err := private(s.file, info); err != nil {
		return directory.Secret{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err != nil {
		return directory.Secret{}, fmt.Errorf("reading a secret: %w", err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
		return directory.Secret{}, fmt.Errorf("%s: the first line is empty; write the secret there", s.file)
	}
	return directory.NewSecret(string(line)), nil
}

// private refuses a regular file that others than its owner and, to read, its group may open.
func private(path string, info os.FileInfo) error {
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o027 != 0 {
		return fmt.Errorf("%s: its mode %04o lets others read or change it: chmod 600 %s", path, mode.Perm(), path)
	}
	return nil
}

// secretType is the type of file("...") and env("..."): no text, so that a secret cannot be built into another value, and a literal
// is told from a reference.
var secretType = cty.Capsule("reference to a secret", reflect.TypeFor[Secret]())

// references are the two functions of the language. Relative files begin at folder.
func references(folder string) map[string]function.Function {
	reference := func(name string, of func(string) Secret) function.Function {
		return function.New(&function.Spec{
			Params: []function.Parameter{{Name: name, Type: cty.String}},
			Type:   function.StaticReturnType(secretType),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				text := args[0].AsString()
				if text == "" {
					return cty.NilVal, errors.New("the " + name + " is empty; name one")
				}
				s := of(text)
				return cty.CapsuleVal(secretType, &s), nil
			},
		})
	}
	return map[string]function.Function{
		"file": reference("path", func(path string) Secret { return Secret{file: under(folder, path)} }),
		"env":  reference("variable", func(name string) Secret { return Secret{variable: name} }),
	}
}

// under is a path of the file, which begins at the file's folder.
func under(folder, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(folder, path)
}
