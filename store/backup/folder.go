package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// folder is a target on a file system, such as a mounted disk of another host. It can hold nothing against its owner.
type folder struct{ path string }

// Folder is the target in an existing folder: one that is not there is a disk that is not mounted, and is never made.
func Folder(path string) Target { return folder{filepath.Clean(path)} }

func (f folder) Name() string { return f.path }

func (f folder) there() error {
	info, err := os.Stat(f.path)
	if err == nil && !info.IsDir() {
		err = errors.New("it is no folder")
	}
	if err != nil {
		return fmt.Errorf("backup folder %s: %w; make it, or mount its disk", f.path, err)
	}
	return nil
}

const partSuffix = ".part"

func (f folder) Put(ctx context.Context, name string, from *io.SectionReader, _ time.Time) (err error) {
	if err := f.there(); err != nil {
		return err
	}
	to := filepath.Join(f.path, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("backup folder %s: %w", f.path, err)
	}
	file, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".*"+partSuffix)
	if err != nil {
		return fmt.Errorf("backup folder %s: %w", f.path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("backup folder %s: writing %s: %w", f.path, name, errors.Join(err, file.Close(), os.Remove(file.Name())))
		}
	}()
	if _, err := io.Copy(file, until(ctx, from)); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), to); err != nil {
		return err
	}
	return errors.Join(file.Close(), syncFolder(filepath.Dir(to)), syncFolder(f.path))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f folder) Get(_ context.Context, name string) (io.ReadCloser, error) {
	if err := f.there(); err != nil {
		return nil, err
	}
	file, err := os.Open(filepath.Join(f.path, filepath.FromSlash(name)))
	if err != nil {
		return nil, fmt.Errorf("backup folder %s: %w", f.path, err)
	}
	return file, nil
}

func (f folder) List(ctx context.Context, prefix string) (all []Stored, err error) {
	if err := f.there(); err != nil {
		return nil, err
	}
	below := filepath.Join(f.path, filepath.FromSlash(path.Dir(prefix+"x")))
	err = filepath.WalkDir(below, func(at string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return errors.Join(err, ctx.Err())
		}
		relative, err := filepath.Rel(f.path, at)
		name := filepath.ToSlash(relative)
		if err != nil || !strings.HasPrefix(name, prefix) {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			all = append(all, Stored{name, info.Size(), info.ModTime()})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("backup folder %s: %w", f.path, err)
	}
	slices.SortFunc(all, func(a, b Stored) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func (f folder) Remove(_ context.Context, name string) error {
	to := filepath.Join(f.path, filepath.FromSlash(name))
	err := os.Remove(to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncFolder(filepath.Dir(to))
	}
	if err != nil {
		return fmt.Errorf("backup folder %s: %w", f.path, err)
	}
	return nil
}

func (folder) Hold(context.Context, string, time.Time) error { return nil }

// until reads until ctx ends.
func until(ctx context.Context, r io.Reader) io.Reader { return &cancellable{ctx, r} }

type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
