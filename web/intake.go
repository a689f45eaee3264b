package web

import (
	"context"
	"io"

	"github.com/qrsrisk/qrsd/store/workspace"
	"github.com/qrsrisk/qrsd/web/wire"
)

// Intake reads exposure that was uploaded. It keeps nothing.
type Intake interface {
	// Read reads the files to their end and says what they hold. Faults of the files are in the report; then there is nothing
	// else. Its error is one of reading itself, or of ctx.
	Read(ctx context.Context, e Exposure) (*Reading, error)
}

// Exposure is what is to be read.
type Exposure struct {
	Location ExposureFile
	Account  *ExposureFile // nil: there is none, and no policy terms apply
	// BadLocations and BadAccounts take the rows with faults as CSV, each with its line and reasons.
	BadLocations, BadAccounts io.Writer
	// CheckOnly wants the report alone, which takes a fraction of the memory.
	CheckOnly bool
}

// ExposureFile is one OED file: Parquet where its name ends so, otherwise CSV.
type ExposureFile struct {
	Name    string
	Size    int64
	Content io.ReaderAt
}

// ExampleExposure is exposure that the program carries. Its name says that it is none of an insurer.
type ExampleExposure struct {
	Name              string // of the portfolio
	Location, Account ExampleFile
}

// ExampleFile is one OED file of it, named as one that is uploaded.
type ExampleFile struct {
	Name    string
	Content []byte
}

// Reading is what was read.
type Reading struct {
	Report wire.ExposureReport
	// What follows is of exposure without faults that was not only to be checked.
	Digest  [32]byte
	Summary *workspace.Summary
	Sites   wire.PortfolioSites
}
