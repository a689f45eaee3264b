// Package sealtest makes seals for tests: an appliance with fixed keys and a ledger in memory, whose seals are made by package seal
// as the store's are. The same evidence gives the same bytes. None of its keys is a secret.
//
// Begin with Appliance.
package sealtest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
)

// Appliance is one installation. The zero value is not used; see New.
type Appliance struct {
	Signer     *seal.LocalSigner // of seals
	Laboratory *seal.LocalSigner // independent
	Log        [16]byte          // the tenant's ledger
	Origin     string
	Time       time.Time // of the output's entry; the checkpoint is a second later, the seal two

	checkpoint ed25519.PrivateKey
}

// New is the appliance whose keys follow from a byte.
func New(number byte) *Appliance {
	log := [16]byte(bytes.Repeat([]byte{number + 1}, 16))
	return &Appliance{
		Signer: signer(number + 2), Laboratory: signer(number + 3), Log: log,
		Origin:     ledger.Origin([16]byte(bytes.Repeat([]byte{number + 4}, 16)), log),
		Time:       time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC),
		checkpoint: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{number + 5}, ed25519.SeedSize)),
	}
}

func signer(number byte) *seal.LocalSigner {
	s, err := seal.NewLocalSigner(bytes.Repeat([]byte{number}, 32))
	if err != nil {
		panic("sealtest: " + err.Error())
	}
	return s
}

// SealKey is the key of seals, without a period.
func (a *Appliance) SealKey() seal.Key { return must(seal.NewSealKey(a.Signer.Public())) }

// CheckpointKey is the key of tree heads.
func (a *Appliance) CheckpointKey() seal.Key {
	return must(seal.NewCheckpointKey(a.checkpoint.Public().(ed25519.PublicKey)))
}

// LaboratoryKey is the independent laboratory's.
func (a *Appliance) LaboratoryKey() seal.Key {
	return must(seal.NewLaboratoryKey(a.Laboratory.Public(), "Example Laboratory"))
}

// Keys are all three.
func (a *Appliance) Keys() *seal.Keys {
	return must(seal.NewKeys(a.SealKey(), a.CheckpointKey(), a.LaboratoryKey()))
}

func must[T any](x T, err error) T {
	if err != nil {
		panic("sealtest: " + err.Error())
	}
	return x
}

// Enter gives a statement its place: the ledger has size leaves, and the output's entry is the one at index. The entry speaks of the statement's
// run, tables and manifest.
func (a *Appliance) Enter(s *seal.Statement, index, size int64) error {
	digests := map[string]ledger.Digest{}
	for name, d := range s.Predicate.Tables {
		digests["table/"+name+".csv"] = d
	}
	for _, f := range s.Subjects {
		if f.Name == "manifest.json" {
			digests["manifest/"+f.Name] = f.Digest
		}
	}
	entry, err := ledger.Lineage{Kind: ledger.OutputRecorded, Time: a.Time, Subject: s.Predicate.Run, Digests: digests}.Canonical()
	if err != nil {
		return err
	}
	s.Predicate.Time = a.Time.Add(2 * time.Second)
	s.Predicate.Ledger, err = a.position(entry, index, size)
	return err
}

// position is the ledger around an entry.
func (a *Appliance) position(entry []byte, index, size int64) (p seal.Position, err error) {
	var tree ledger.Tree
	var stored []ledger.Hash
	var header ledger.Header
	salt := [16]byte(bytes.Repeat([]byte{7}, 16))
	box := bytes.Repeat([]byte{0xb0}, 100)
	for i := range size {
		text, content := fmt.Appendf(nil, "entry %d", i), fmt.Appendf(nil, "box %d", i)
		if i == index {
			text, content = entry, box
		}
		h := ledger.Header{Log: a.Log, Sequence: uint64(i), Previous: tree.Head(), Commitment: ledger.Commit(salt, text)}
		if i == index {
			header = h
		}
		_, hashes := tree.Append(ledger.LeafHash(h, content))
		stored = append(stored, hashes...)
	}
	proof, err := ledger.ProveInclusion(size, index, ledger.HashReaderFunc(func(indexes []int64) (out []ledger.Hash, _ error) {
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	}))
	if err != nil {
		return p, err
	}
	c := ledger.Checkpoint{Origin: a.Origin, Size: size, Root: tree.Root(), Time: a.Time.Add(time.Second)}
	signed, err := a.SignCheckpoint(c)
	return seal.NewPosition(header, box, entry, salt, c, signed, proof), err
}

// SignCheckpoint signs a tree head with the appliance's key.
func (a *Appliance) SignCheckpoint(c ledger.Checkpoint) ([]byte, error) {
	verifier := a.verifierKey(c.Origin)
	hash := strings.SplitN(verifier, "+", 3)[1]
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, a.checkpoint.Seed()...))
	s, err := note.NewSigner("PRIVATE+KEY+" + c.Origin + "+" + hash + "+" + secret)
	if err != nil {
		return nil, err
	}
	return c.Sign(s)
}

// VerifierKey is the checkpoint key in the form of signed-note.
func (a *Appliance) VerifierKey() string { return a.verifierKey(a.Origin) }

func (a *Appliance) verifierKey(origin string) string {
	return must(note.NewEd25519VerifierKey(origin, a.checkpoint.Public().(ed25519.PublicKey)))
}

// Seal enters the statement as leaf 5 of 11 and seals it.
func (a *Appliance) Seal(s seal.Statement) ([]byte, error) {
	if err := a.Enter(&s, 5, 11); err != nil {
		return nil, err
	}
	return seal.Sign(context.Background(), s, a.Signer)
}
