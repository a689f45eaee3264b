package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// listRunTables lists the files of a result: tables, each in its forms, and the others.
func (s *Server) listRunTables(ctx context.Context, c *Call, in byID) (out wire.RunTables, err error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return out, err
	}
	all, err := w.Finished(ctx, func(workspace.File) bool { return false }, in.ID)
	if err != nil {
		return out, err
	}
	out = wire.RunTables{Run: in.ID.String(), Tables: []wire.ResultTable{}, Files: []wire.ResultFile{}}
	for _, f := range all[0].Result.Files {
		file := wire.ResultFile{Name: f.Name, Bytes: f.Blob.Size, SHA256: f.Blob.Digest.String()}
		if f.Role != "table" {
			out.Files = append(out.Files, file)
			continue
		}
		name := strings.TrimSuffix(f.Name, path.Ext(f.Name))
		if last := len(out.Tables) - 1; last >= 0 && out.Tables[last].Name == name {
			out.Tables[last].Files = append(out.Tables[last].Files, file)
			continue
		}
		out.Tables = append(out.Tables, wire.ResultTable{Name: name, Digest: f.Digest.String(), Files: []wire.ResultFile{file}})
	}
	return out, nil
}

// ofTable is the input of a route about one table.
type ofTable struct {
	ID     store.ID `path:"id"`
	Name   string   `path:"name"`
	Cursor string   `query:"cursor"`
	Limit  *int     `query:"limit"`
}

func (s *Server) getRunTable(ctx context.Context, c *Call, in ofTable) (out wire.TablePage, err error) {
	from, limit, err := countedPage(in.Cursor, in.Limit)
	if err != nil {
		return out, err
	}
	r, done, err := s.kept(ctx, c, in.ID, in.Name)
	if err != nil {
		return out, err
	}
	defer done()
	if r.Files[in.Name] == nil {
		return out, fmt.Errorf("table %q: %w", in.Name, store.ErrNotFound)
	}
	out, err = s.options.Figures.Page(r, in.Name, int64(from), limit)
	c.Next(out.NextCursor)
	return out, err
}

// tableForms are the forms of a table outside of the appliance, with their media types.
var tableForms = map[string]string{
	"csv":     "text/csv",
	"parquet": "application/vnd.apache.parquet",
	"xlsx":    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

// exportRunTable gives a whole table: the kept file, or a workbook made of it.
func (s *Server) exportRunTable(ctx context.Context, c *Call, in struct {
	ID     store.ID `path:"id"`
	Name   string   `path:"name"`
	Format string   `query:"format"`
}) (*Stream, error) {
	in.Format = cmp.Or(in.Format, "csv")
	media, known := tableForms[in.Format]
	if !known {
		return nil, badParameter("format", fmt.Sprintf("%q is none; they are csv, parquet and xlsx", clipped(in.Format)))
	}
	if in.Format != "xlsx" {
		return s.fileStream(ctx, c, in.ID, in.Name+"."+in.Format, media, "table")
	}
	if s.options.Figures == nil {
		return nil, refuse(kindConflict, "this appliance shows no results")
	}
	f, err := s.exported(ctx, c, in.ID, tablesNamed([]string{in.Name}))
	if err != nil {
		return nil, err
	}
	r := keptRun(f, []string{in.Name})
	if r.Files[in.Name] == nil {
		return nil, errors.Join(fmt.Errorf("table %q: %w", in.Name, store.ErrNotFound), f.Close())
	}
	return &Stream{Type: media, Name: in.Name + ".xlsx", Write: func(_ context.Context, w io.Writer) error {
		defer func() { _ = f.Close() }() // of a file that was read
		return s.options.Figures.Workbook(w, r, in.Name)
	}}, nil
}

// getRunFile gives one of a result's files as it was kept.
func (s *Server) getRunFile(ctx context.Context, c *Call, in struct {
	ID   store.ID `path:"id"`
	Name string   `path:"name"`
}) (*Stream, error) {
	extension := strings.TrimPrefix(path.Ext(in.Name), ".")
	media := cmp.Or(tableForms[extension], "application/octet-stream")
	if extension == "json" {
		media = "application/json"
	}
	return s.fileStream(ctx, c, in.ID, in.Name, media, "")
}

func (s *Server) exported(ctx context.Context, c *Call, id store.ID, pick func(workspace.File) bool) (*workspace.Finished, error) {
	w, err := s.workspace(ctx, c)
	if err != nil {
		return nil, err
	}
	return w.ExportFinished(ctx, pick, id)
}

// fileStream streams a file of a result; with a role only one of that.
func (s *Server) fileStream(ctx context.Context, c *Call, id store.ID, name, media, role string) (*Stream, error) {
	f, err := s.exported(ctx, c, id, func(f workspace.File) bool { return f.Name == name && (role == "" || f.Role == role) })
	if err != nil {
		return nil, err
	}
	from := f.File(name)
	if from == nil {
		return nil, errors.Join(fmt.Errorf("file %q: %w", name, store.ErrNotFound), f.Close())
	}
	return &Stream{Type: media, Name: name, Write: func(_ context.Context, w io.Writer) error {
		defer func() { _ = f.Close() }() // of a file that was read
		_, err := io.Copy(w, from)
		return err
	}}, nil
}
