package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// sealRoutes are the seals of runs. Whether one is valid is computed when it is asked, and kept nowhere.
func sealRoutes() []route {
	const path = api + "/runs/{id}/seal"
	return []route{
		{Route{Method: "GET", Path: path, Operation: "getSeal", Access: Permitted, Verb: "seal.read"}, do((*Server).getSeal)},
		{Route{Method: "GET", Path: path + "/file", Operation: "downloadSeal", Access: Permitted, Verb: "seal.read"}, do((*Server).downloadSeal)},
		{Route{Method: "POST", Path: api + "/seals/verify", Operation: "verifySeal", Access: Permitted, Verb: "seal.read"}, do((*Server).verifySeal)},
	}
}

// getSeal verifies a run's seal with the published keys and against the bytes of the result's files as they are now.
func (s *Server) getSeal(ctx context.Context, c *Call, in byID) (out wire.RunSeal, err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	r, kept, err := w.Sealed(ctx, in.ID)
	if err != nil {
		return out, err
	}
	files, err := digests(ctx, kept)
	if err = errors.Join(err, kept.Close()); err != nil {
		return out, fmt.Errorf("reading the files of run %s: %w", in.ID, err)
	}
	keys, err := s.db.PublishedKeys()
	if err != nil {
		return out, err
	}
	verdict := seal.Verify(r.Value.Envelope, keys, files)
	return wire.RunSeal{
		Run: r.ID.String(), SHA256: r.Value.Digest.String(), Key: r.Value.Key.String(), Made: r.Value.Made.UTC(), By: actorText(r.Value.By),
		Valid: verdict.OK(), Checks: viewed(verdict.Checks, checkView),
	}, nil
}

// digests hashes the open files of a run: what is there, not what its record says.
func digests(ctx context.Context, f *workspace.Finished) (all []seal.File, err error) {
	for _, file := range f.Result.Files {
		hash := sha256.New()
		if _, err := io.Copy(hash, f.File(file.Name)); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		all = append(all, seal.File{Name: file.Name, Digest: [32]byte(hash.Sum(nil))})
	}
	return all, nil
}

// downloadSeal gives the envelope as it was signed. qrs-replay verifies it without the appliance.
func (s *Server) downloadSeal(ctx context.Context, c *Call, in byID) (*Document, error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return nil, err
	}
	r, err := w.SealOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	c.exchange.set("Cache-Control", "private, immutable, max-age=31536000") // a seal never changes
	return &Document{Type: sealType, Name: r.ID.String() + ".seal.json", Body: r.Value.Envelope}, nil
}

const sealType = "application/vnd.dsse.envelope.v1+json"

// verifySeal verifies a seal that was uploaded, whose ever it is, with the keys of this appliance. The body is the envelope to the
// byte: a seal has one form.
func (s *Server) verifySeal(ctx context.Context, c *Call, in struct {
	Body wire.SealEnvelope `body:"json"`
}) (out wire.SealVerdict, err error) {
	text := c.exchange.body()
	if len(text) > seal.MaxSeal {
		return out, refuse(kindTooLarge, "a seal has at most %d bytes", seal.MaxSeal)
	}
	keys, err := s.db.PublishedKeys()
	if err != nil {
		return out, err
	}
	if err := s.look(ctx, c); err != nil {
		return out, err
	}
	verdict := seal.Verify(text, keys, nil)
	sum := sha256.Sum256(text)
	out = wire.SealVerdict{Valid: verdict.OK(), SHA256: hex.EncodeToString(sum[:]), Key: verdict.KeyID, Checks: viewed(verdict.Checks, checkView)}
	if verdict.Statement != nil {
		p := &verdict.Statement.Predicate
		out.Run, out.Seed, out.Model, out.Engine = store.ID(p.Run).String(), strconv.FormatUint(p.Seed, 10), p.Model.String(), p.Build.Engine
	}
	return out, nil
}

func checkView(c seal.Check) wire.SealCheck { return wire.SealCheck(c) }
