package backup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Retention is how long backups are kept unless told.
const Retention = 35 * 24 * time.Hour

// leftoverAge is how old an object must be that no manifest names before it is removed: a younger one may be of a backup that is being
// made.
const leftoverAge = 24 * time.Hour

// Pruned is what Prune has removed.
type Pruned struct {
	Backups []string `json:"backups"`
	Objects int      `json:"objects"` // manifests included
	Held    int      `json:"held"`    // that the target does not remove yet
	Kept    int      `json:"kept"`    // backups
}

// Prune removes backups older than retention, and objects that no backup needs any more. It keeps the newest backup, the newest that a
// drill has verified, and whatever a kept one needs. Beside a manifest that cannot be read, nobody knows what that backup needs: packs, which
// backups share, and what no readable manifest names stay until it is mended or removed, the rest is pruned, and the error is ErrManifest.
func Prune(ctx context.Context, t Target, retention time.Duration, now time.Time) (*Pruned, error) {
	all, err := List(ctx, t)
	if err != nil {
		return nil, err
	}
	p := &Pruned{Backups: []string{}}
	last, good := newest(all, false), newest(all, true)
	needed := map[string]bool{erasures: true}
	var old []Listed
	var unread []string
	named := map[string]bool{} // by the manifests that can be read, but packs
	for _, l := range all {
		if l.Manifest == nil {
			unread = append(unread, l.Fault)
			needed[verified+l.Name] = true
			continue
		}
		named[verified+l.Name] = true
		for _, o := range l.Manifest.Objects {
			named[o.Name] = o.Kind != kindPack
		}
		if now.Sub(l.Time) > retention && l.Manifest != last && l.Manifest != good {
			old = append(old, l)
			continue
		}
		p.Kept++
		needed[manifests+l.Name], needed[verified+l.Name] = true, true
		for _, o := range l.Manifest.Objects {
			needed[o.Name] = true
		}
	}
	for _, l := range old { // the manifest first: a backup without one of its objects must not be listed
		removed, err := p.remove(ctx, t, manifests+l.Name)
		if err != nil {
			return p, err
		}
		if removed {
			p.Backups = append(p.Backups, l.Name)
			continue
		}
		for _, o := range l.Manifest.Objects { // it is still held, and so may be what it needs
			needed[o.Name] = true
		}
	}
	if err := p.leftovers(ctx, t, now, func(name string) bool { return needed[name] || len(unread) > 0 && !named[name] }); err != nil || len(unread) == 0 {
		return p, err
	}
	return p, fmt.Errorf("%w: packs, and what no other backup names, stay until it is mended or removed (%d such manifests): %s", ErrManifest, len(unread), unread[0])
}

// leftovers removes what no backup needs: of those that were removed, and of those that were cut short.
func (p *Pruned) leftovers(ctx context.Context, t Target, now time.Time, needed func(name string) bool) error {
	all, err := t.List(ctx, "")
	if err != nil {
		return err
	}
	for _, s := range all {
		ours := strings.HasPrefix(s.Name, databases) || strings.HasPrefix(s.Name, indexes) || strings.HasPrefix(s.Name, packs) ||
			strings.HasPrefix(s.Name, keys) || strings.HasPrefix(s.Name, verified)
		if !ours || needed(s.Name) || now.Sub(s.Written) < leftoverAge {
			continue
		}
		if _, err := p.remove(ctx, t, s.Name); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pruned) remove(ctx context.Context, t Target, name string) (bool, error) {
	err := t.Remove(ctx, name)
	if errors.Is(err, ErrHeld) {
		p.Held++
		return false, nil
	}
	if err == nil {
		p.Objects++
	}
	return err == nil, err
}
