package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/qrsrisk/qrsd/engine"
	"github.com/qrsrisk/qrsd/engine/modelpack"
)

// blocksFolder holds, in the output folder, the finished blocks of a run that has not finished.
const blocksFolder = ".blocks"

// blocks keeps finished blocks in files. The folder's name is a digest of all that determines
// the result, so that blocks of another run are never taken.
type blocks struct{ folder string } // "" = nothing is kept

func openBlocks(r Request, model modelpack.Digest, portfolio [32]byte) (*blocks, error) {
	if r.Out == "" {
		return &blocks{}, nil
	}
	program, err := programDigest()
	if err != nil {
		return nil, err
	}
	identity, err := json.Marshal(struct {
		Program   [32]byte
		Engine    string
		Build     Build
		Model     string
		Portfolio [32]byte
		Spec      engine.Spec
	}{program, engine.Version, ThisBuild(), model.String(), portfolio, r.Spec})
	if err != nil {
		return nil, fmt.Errorf("identifying the run: %w", err)
	}
	sum := sha256.Sum256(identity)
	b := &blocks{filepath.Join(r.Out, blocksFolder, hex.EncodeToString(sum[:16]))}
	if err := folder(r.Out); err != nil {
		return nil, err
	}
	if !r.Resume {
		if err := os.RemoveAll(filepath.Join(r.Out, blocksFolder)); err != nil {
			return nil, fmt.Errorf("clearing blocks of an earlier run: %w", err)
		}
	}
	if err := os.MkdirAll(b.folder, 0o755); err != nil {
		return nil, fmt.Errorf("making the output folder: %w", err)
	}
	return b, nil
}

// programDigest is the digest of the running program: two builds of a changed work tree have one commit.
func programDigest() (d [32]byte, err error) {
	path, err := os.Executable()
	if err != nil {
		return d, fmt.Errorf("finding this program: %w", err)
	}
	file, err := os.Open(path)
	if err != nil {
		return d, fmt.Errorf("reading this program: %w", err)
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return d, fmt.Errorf("reading this program: %w", err)
	}
	return [32]byte(h.Sum(nil)), nil
}

// folder refuses a path that is there and is no folder.
func folder(path string) error {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return usage("%s is a file; give a folder", path)
	}
	return nil
}

// store is the engine's view, nil where nothing is kept.
func (b *blocks) store() engine.BlockStore {
	if b.folder == "" {
		return nil
	}
	return b
}

func (b *blocks) path(block int) string {
	return filepath.Join(b.folder, fmt.Sprintf("%04d.block", block))
}

// Load implements engine.BlockStore.
func (b *blocks) Load(block int) []byte {
	content, err := os.ReadFile(b.path(block))
	if err != nil {
		return nil
	}
	return content
}

// Save implements engine.BlockStore: the file appears whole or not at all.
func (b *blocks) Save(block int, partial []byte) error {
	return writeWhole(b.path(block), partial)
}

// writeWhole writes a file beside its place and moves it there.
func writeWhole(path string, content []byte) error {
	temp := path + ".part"
	if err := os.WriteFile(temp, content, 0o644); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// discard removes the blocks of a run that has finished.
func (b *blocks) discard() error {
	if b.folder == "" {
		return nil
	}
	if err := os.RemoveAll(b.folder); err != nil {
		return err
	}
	_ = os.Remove(filepath.Dir(b.folder)) // unless another run has blocks there
	return nil
}
