package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/web/client"
	"github.com/qrsrisk/qrsd/web/wire"
)

// portfolioCommand is `qrsd portfolio`.
type portfolioCommand struct {
	Upload   portfolioUpload   `cmd:"" help:"Import OED files, whole or not at all; every fault is named with line, column, reason and fix."`
	Example  portfolioExample  `cmd:"" help:"Import the synthetic example portfolio that the appliance carries, for a first run without a file at hand."`
	List     portfolioList     `cmd:"" help:"List the portfolios, each in its latest version."`
	Versions portfolioVersions `cmd:"" help:"List what was imported into a portfolio: its versions, what each has more than the one before, and how many runs there are of it."`
	Show     portfolioShow     `cmd:"" help:"Show what a portfolio holds: by coverage, county, construction, occupancy, era and line of business."`
	Faults   portfolioFaults   `cmd:"" help:"List what was refused because of faults, or show the faults of one import and save its rows."`
	Sites    portfolioSites    `cmd:"" help:"Print where a portfolio lies, thinned for a map, as CSV."`
	Download portfolioDownload `cmd:"" help:"Save the files of a portfolio as they were imported."`
	Delete   portfolioDelete   `cmd:"" help:"Remove a portfolio of which there are no runs, with all its versions."`
}

// Help is shown by `qrsd portfolio --help`.
func (portfolioCommand) Help() string {
	return `Portfolios of an appliance, over its API. A portfolio is named by its id, the beginning of one, or its name.

Each import into a portfolio with upload --version-of is its next version. None is ever changed, and a run stays one of its version.`
}

// exposureFlags are the files of an upload.
type exposureFlags struct {
	Location string `placeholder:"FILE" help:"OED location file, CSV or Parquet."`
	Account  string `placeholder:"FILE" help:"OED account file, CSV or Parquet. Without it no policy terms apply."`
	BadRows  string `placeholder:"DIR" help:"Save the rows with faults, with their reasons, into this folder."`
}

// exposure is what the flags name.
func (f exposureFlags) exposure(name, archive string) (e client.Exposure, err error) {
	if (f.Location == "") == (archive == "") || archive != "" && f.Account != "" {
		return e, &runner.ErrUsage{Reason: "give --location with or without --account, or --archive with a zip of both"}
	}
	e.Name = name
	for _, one := range []struct {
		flag, path string
		to         **client.File
	}{{"--location", f.Location, &e.Location}, {"--account", f.Account, &e.Account}, {"--archive", archive, &e.Archive}} {
		if one.path == "" {
			continue
		}
		if *one.to, err = fileToSend(one.flag, one.path); err != nil {
			return e, err
		}
	}
	return e, nil
}

// saveRefused saves the rows of a refused import where they are wanted, and returns the error that refused it.
func (f exposureFlags) saveRefused(ctx context.Context, c console, a *client.Client, err error) error {
	var p *client.Problem
	if f.BadRows == "" || !errors.As(err, &p) || p.Exposure == nil {
		return err
	}
	return errors.Join(err, saveBadRows(ctx, c, a, p.Exposure.ID, f.BadRows))
}

// saveBadRows saves the rows with faults of a refused import.
func saveBadRows(ctx context.Context, c console, a *client.Client, id, folder string) error {
	r, err := a.RefusedImport(ctx, id)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for _, f := range r.Files {
		if !strings.HasPrefix(f.Role, "bad-") {
			continue
		}
		to := filepath.Join(folder, f.Role+".csv")
		err := saved(to, "", func(w io.Writer) error { return a.RefusedImportFile(ctx, id, f.Role, w, nil) })
		if err != nil {
			return err
		}
		fmt.Fprintf(c.err, "the rows with faults, each with its reason: %s\n", to)
	}
	return nil
}

// portfolioUpload is `qrsd portfolio upload`.
type portfolioUpload struct {
	exposureFlags
	Archive   string `placeholder:"FILE" help:"A zip of the two, in place of them."`
	Name      string `placeholder:"TEXT" help:"What the portfolio is called; unless told, the location file's name, and of a next version what the portfolio was called."`
	VersionOf string `placeholder:"PORTFOLIO" aliases:"replace" help:"Import the files as the next version of this portfolio. Earlier versions and their runs stay what they are."`
	Check     bool   `help:"Only look for faults; import nothing."`
	serverFlags
	JSON bool `help:"Print what was imported as JSON."`
}

// Run carries out the command.
func (x *portfolioUpload) Run(ctx context.Context, c console) error {
	if x.Check && x.VersionOf != "" {
		return &runner.ErrUsage{Reason: "--check and --version-of: give one of them"}
	}
	e, err := x.exposure(x.Name, x.Archive)
	if err != nil {
		return err
	}
	a, err := x.connect()
	if err != nil {
		return err
	}
	if x.Check {
		return x.check(ctx, c, a, e)
	}
	made, err := x.send(ctx, c, a, e)
	if err != nil {
		return x.saveRefused(ctx, c, a, err)
	}
	if x.JSON {
		return printJSON(c.out, made)
	}
	printImported(c.out, made)
	return nil
}

func (x *portfolioUpload) send(ctx context.Context, c console, a *client.Client, e client.Exposure) (made wire.ImportedPortfolio, err error) {
	if x.VersionOf == "" {
		return upload(ctx, c, a, e)
	}
	id, err := portfolioNamed(ctx, a, x.VersionOf)
	if err != nil {
		return made, err
	}
	_, etag, err := a.Portfolio(ctx, id)
	if err != nil {
		return made, err
	}
	bar := startTransfer(c.err, "upload")
	defer bar.stop()
	return a.ReplacePortfolio(ctx, id, e, etag, bar.update)
}

// upload imports exposure, with its progress.
func upload(ctx context.Context, c console, a *client.Client, e client.Exposure) (wire.ImportedPortfolio, error) {
	bar := startTransfer(c.err, "upload")
	defer bar.stop()
	return a.ImportPortfolio(ctx, e, bar.update)
}

func (x *portfolioUpload) check(ctx context.Context, c console, a *client.Client, e client.Exposure) error {
	bar := startTransfer(c.err, "upload")
	found, err := a.ValidatePortfolio(ctx, e, bar.update)
	bar.stop()
	if err != nil {
		return err
	}
	if x.JSON {
		err = printJSON(c.out, found)
	} else {
		printExposureReport(c.out, found.Report)
	}
	if err != nil || found.Valid {
		if err == nil && !x.JSON {
			fmt.Fprintln(c.out, "no faults")
		}
		return err
	}
	if x.BadRows != "" && found.Refused != nil {
		if err := saveBadRows(ctx, c, a, found.Refused.ID, x.BadRows); err != nil {
			return err
		}
	}
	return faultsOf(found.Report.Faults, found.Report.FaultCount)
}

// portfolioExample is `qrsd portfolio example`.
type portfolioExample struct {
	serverFlags
	JSON bool `help:"Print what was imported as JSON."`
}

// Run carries out the command.
func (x *portfolioExample) Run(ctx context.Context, c console) error {
	a, err := x.connect()
	if err != nil {
		return err
	}
	made, err := a.ImportExample(ctx)
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, made)
	}
	printImported(c.out, made)
	return nil
}

func printImported(w io.Writer, p wire.ImportedPortfolio) {
	fmt.Fprintf(w, "portfolio %s  %s%s\n%s locations, %s accounts, %s policies, TIV %s %s\n", p.ID, plain(p.Name), laterVersion(p.Version), grouped(float64(p.Locations)), grouped(float64(p.Accounts)),
		grouped(float64(p.Policies)), money(p.TIV), plain(p.Currency))
	if p.NotWind > 0 {
		fmt.Fprintf(w, "%s not insured against wind\n", counted(p.NotWind, "location"))
	}
	if p.Warnings > 0 {
		fmt.Fprintf(w, "%s; qrsd portfolio show %s --warnings\n", counted(p.Warnings, "warning"), p.ID)
	}
}

// laterVersion says which version of a portfolio it is, unless it is the first.
func laterVersion(version int) string {
	if version < 2 {
		return ""
	}
	return fmt.Sprintf(", version %d", version)
}

// printExposureReport prints what was read, as qrsd exposure check does.
func printExposureReport(w io.Writer, r wire.ExposureReport) {
	fmt.Fprintf(w, "%s locations, %s accounts, TIV %s %s\n", grouped(float64(r.Locations)), grouped(float64(r.Accounts)), money(r.TIV), plain(r.Currency))
	printGeocoded(w, r.Geocoded)
	printWarnings(w, r.Warnings, 10)
}

func printGeocoded(w io.Writer, g wire.Geocoded) {
	if g.ZIP+g.County > 0 {
		fmt.Fprintf(w, "coordinates: %d given, %d by ZIP code, %d by county\n", g.Given, g.ZIP, g.County)
	}
}

func printWarnings(w io.Writer, all []wire.ExposureWarning, most int) {
	for _, x := range all[:min(len(all), most)] {
		fmt.Fprintf(w, "warning: %s line %d %s %q: %s (%d rows)\n", plain(x.File), x.Line, plain(x.Column), x.Value, plain(x.Reason), x.Count)
	}
	if more := len(all) - most; more > 0 {
		fmt.Fprintf(w, "and %d more warnings (--json)\n", more)
	}
}

// portfolioList is `qrsd portfolio list`.
type portfolioList struct {
	Name string `placeholder:"TEXT" help:"Only the portfolios of this name, newest first, with the digest of each and how many runs there are of it."`
	serverFlags
	JSON bool `help:"Print the portfolios as JSON."`
}

// Run carries out the command.
func (x *portfolioList) Run(ctx context.Context, c console) error {
	a, err := x.connect()
	if err != nil {
		return err
	}
	all := []wire.Portfolio{}
	for p, err := range a.Portfolios(ctx) {
		if err != nil {
			return err
		}
		if x.Name == "" || p.Name == x.Name {
			all = append(all, p)
		}
	}
	switch {
	case x.Name != "" && len(all) == 0:
		return &notThere{fmt.Sprintf("portfolio %q: there is none with this name", x.Name)}
	case x.JSON:
		return printJSON(c.out, all)
	case x.Name != "":
		return listNamesakes(ctx, c, a, all)
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PORTFOLIO\tVERSION\tIMPORTED\tLOCATIONS\tTIV\tNAME")
	for _, p := range all {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s %s\t%s\n", p.ID, p.Version, minute(p.Imported), grouped(float64(p.Locations)), money(p.TIV), plain(p.Currency), plain(p.Name))
	}
	return t.Flush()
}

// listNamesakes shows portfolios of one name: whether the exposure is another one, and which were run.
func listNamesakes(ctx context.Context, c console, a *client.Client, all []wire.Portfolio) error {
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PORTFOLIO\tVERSION\tIMPORTED\tLOCATIONS\tTIV\tRUNS\tEXPOSURE SHA256")
	for _, p := range all {
		runs, err := runsByVersion(ctx, a, p.ID)
		if err != nil {
			return err
		}
		count := 0
		for _, n := range runs {
			count += n
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s %s\t%s\t%s\n", p.ID, p.Version, minute(p.Imported), grouped(float64(p.Locations)), money(p.TIV), plain(p.Currency), grouped(float64(count)), p.Digest)
	}
	return t.Flush()
}

// runsByVersion counts the runs of a portfolio.
func runsByVersion(ctx context.Context, a *client.Client, id string) (map[int]int, error) {
	runs := map[int]int{}
	for r, err := range a.Runs(ctx, client.RunQuery{Portfolio: id}) {
		if err != nil {
			return nil, err
		}
		runs[r.PortfolioVersion]++
	}
	return runs, nil
}

// portfolioVersions is `qrsd portfolio versions`.
type portfolioVersions struct {
	portfolioFlags
	JSON bool `help:"Print the versions as JSON."`
}

// Run carries out the command.
func (x *portfolioVersions) Run(ctx context.Context, c console) error {
	a, id, err := x.at(ctx)
	if err != nil {
		return err
	}
	all := []wire.PortfolioVersion{}
	for v, err := range a.PortfolioVersions(ctx, id) {
		if err != nil {
			return err
		}
		all = append(all, v)
	}
	if x.JSON {
		return printJSON(c.out, all)
	}
	runs, err := runsByVersion(ctx, a, id)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "VERSION\tIMPORTED\tLOCATIONS\tCHANGE\tTIV\tCHANGE\tRUNS\tEXPOSURE SHA256\tNAME")
	for _, v := range all {
		locations, tiv := "", ""
		if d := v.Change; d != nil {
			locations = fmt.Sprintf("%+d", d.Locations)
			if d.TIV != nil {
				tiv = withSign(*d.TIV)
			}
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s %s\t%s\t%s\t%s\t%s\n", v.Version, minute(v.Imported), grouped(float64(v.Locations)), locations, money(v.TIV), plain(v.Currency), tiv,
			grouped(float64(runs[v.Version])), v.Digest, plain(v.Name))
	}
	return t.Flush()
}

// withSign is an amount that says whether it is more or less.
func withSign(x float64) string {
	if x < 0 {
		return "-" + money(-x)
	}
	return "+" + money(x)
}

// portfolioFlags name a portfolio of an appliance.
type portfolioFlags struct {
	Portfolio string `arg:"" placeholder:"PORTFOLIO" help:"Id, the beginning of one, or name."`
	serverFlags
}

// at finds it.
func (f portfolioFlags) at(ctx context.Context) (a *client.Client, id string, err error) {
	if a, err = f.connect(); err != nil {
		return nil, "", err
	}
	id, err = portfolioNamed(ctx, a, f.Portfolio)
	return a, id, err
}

// versionFlag names a version of it.
type versionFlag struct {
	Version int `placeholder:"N" help:"In this version; the latest unless told."`
}

// of reads the portfolio in it.
func (f versionFlag) of(ctx context.Context, a *client.Client, id string) (wire.Portfolio, error) {
	p, err := a.PortfolioVersion(ctx, id, f.Version)
	if f.Version != 0 && isNotFound(err) {
		err = &notThere{fmt.Sprintf("version %d of portfolio %s: there is none; qrsd portfolio versions lists them", f.Version, id)}
	}
	return p, err
}

// portfolioShow is `qrsd portfolio show`.
type portfolioShow struct {
	portfolioFlags
	versionFlag
	Warnings bool `help:"Show the warnings of the import too."`
	JSON     bool `help:"Print the portfolio and its summary as JSON."`
}

// Run carries out the command.
func (x *portfolioShow) Run(ctx context.Context, c console) error {
	a, id, err := x.at(ctx)
	if err != nil {
		return err
	}
	p, err := x.of(ctx, a, id)
	if err != nil {
		return err
	}
	s, err := a.PortfolioSummary(ctx, id, p.Version)
	if err != nil {
		return err
	}
	var report *wire.ExposureReport
	if x.Warnings {
		if report, err = reportOf(ctx, a, p); err != nil {
			return err
		}
	}
	if x.JSON {
		return printJSON(c.out, struct {
			Portfolio wire.Portfolio        `json:"portfolio"`
			Summary   wire.PortfolioSummary `json:"summary"`
			Report    *wire.ExposureReport  `json:"report,omitempty"`
		}{p, s, report})
	}
	printPortfolio(c.out, p, s)
	if report != nil {
		printGeocoded(c.out, report.Geocoded)
		printWarnings(c.out, report.Warnings, len(report.Warnings))
	}
	return nil
}

// reportOf is the report of a portfolio's import; nil: none was kept.
func reportOf(ctx context.Context, a *client.Client, p wire.Portfolio) (*wire.ExposureReport, error) {
	for _, f := range p.Files {
		if f.Role != "report" {
			continue
		}
		var text strings.Builder
		if err := a.PortfolioFile(ctx, p.ID, p.Version, f.Role, &text, nil); err != nil {
			return nil, err
		}
		r := new(wire.ExposureReport)
		if err := json.Unmarshal([]byte(text.String()), r); err != nil {
			return nil, fmt.Errorf("the report of portfolio %s: %w", p.ID, err)
		}
		return r, nil
	}
	return nil, nil
}

func printPortfolio(w io.Writer, p wire.Portfolio, s wire.PortfolioSummary) {
	fmt.Fprintf(w, "portfolio %s  %s, version %d\nimported %s by %s\nexposure sha256:%s\n", p.ID, plain(p.Name), p.Version, minute(p.Imported), p.By, p.Digest)
	fmt.Fprintf(w, "%s locations, %s accounts, TIV %s %s\n", grouped(float64(p.Locations)), grouped(float64(p.Accounts)), money(p.TIV), plain(p.Currency))
	for _, part := range []struct {
		title string
		all   []wire.ExposureShare
	}{{"COVERAGE", s.Coverages}, {"COUNTY", s.Counties}, {"CONSTRUCTION", s.Construction}, {"OCCUPANCY", s.Occupancy}, {"ERA", s.Eras}, {"LINE OF BUSINESS", s.Lines}} {
		if len(part.all) == 0 {
			continue
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintf(t, "\n%s\tLOCATIONS\tTIV\t\n", part.title)
		for _, x := range part.all[:min(len(part.all), countiesShown)] {
			fmt.Fprintf(t, "%s\t%s\t%s\t\n", strings.TrimSpace(plain(x.Key)+" "+plain(x.Name)), grouped(float64(x.Locations)), money(x.TIV))
		}
		t.Flush()
		if more := len(part.all) - countiesShown; more > 0 {
			fmt.Fprintf(w, "and %d more (--json)\n", more)
		}
	}
}

// portfolioFaults is `qrsd portfolio faults`.
type portfolioFaults struct {
	Import  string `arg:"" optional:"" placeholder:"IMPORT" help:"Id of a refused import, the beginning of one, or its name; without it all that are kept are listed."`
	BadRows string `placeholder:"DIR" help:"Save the rows with faults, with their reasons, into this folder."`
	serverFlags
	JSON bool `help:"Print the list or the report as JSON."`
}

// Run carries out the command.
func (x *portfolioFaults) Run(ctx context.Context, c console) error {
	a, err := x.connect()
	if err != nil {
		return err
	}
	if x.Import == "" {
		return x.list(ctx, c, a)
	}
	id, err := theOne("refused import", x.Import, a.RefusedImports(ctx), func(r wire.RefusedImport) (string, string) { return r.ID, r.Name })
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := a.RefusedImportFile(ctx, id, "report", &text, nil); err != nil {
		return err
	}
	var report wire.ExposureReport
	if err := json.Unmarshal([]byte(text.String()), &report); err != nil {
		return fmt.Errorf("the report of refused import %s: %w", id, err)
	}
	if x.BadRows != "" {
		if err := saveBadRows(ctx, c, a, id, x.BadRows); err != nil {
			return err
		}
	}
	if x.JSON {
		return printJSON(c.out, report)
	}
	found := faultsOf(report.Faults, report.FaultCount)
	for _, f := range found.Faults {
		fmt.Fprintln(c.out, f)
	}
	if more := found.Count - len(found.Faults); more > 0 {
		fmt.Fprintf(c.out, "and %d more\n", more)
	}
	return nil
}

func (x *portfolioFaults) list(ctx context.Context, c console, a *client.Client) error {
	if x.BadRows != "" {
		return &runner.ErrUsage{Reason: "--bad-rows: name the refused import whose rows are wanted; without --bad-rows they are listed"}
	}
	all := []wire.RefusedImport{}
	for r, err := range a.RefusedImports(ctx) {
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	if x.JSON {
		return printJSON(c.out, all)
	}
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "IMPORT\tREFUSED\tFAULTS\tNAME")
	for _, r := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.ID, minute(r.At), grouped(float64(r.Faults)), plain(r.Name))
	}
	return t.Flush()
}

// portfolioSites is `qrsd portfolio sites`.
type portfolioSites struct {
	portfolioFlags
	versionFlag
	JSON bool `help:"Print the sites as JSON."`
}

// Run carries out the command.
func (x *portfolioSites) Run(ctx context.Context, c console) error {
	a, id, err := x.at(ctx)
	if err != nil {
		return err
	}
	s, err := a.PortfolioSites(ctx, id, x.Version)
	if err != nil {
		return err
	}
	if x.JSON {
		return printJSON(c.out, s)
	}
	w := csv.NewWriter(c.out)
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	_ = w.Write([]string{"Latitude", "Longitude", "Locations", "TIV"})
	for _, p := range s.Sites {
		_ = w.Write([]string{number(p.Latitude), number(p.Longitude), strconv.Itoa(p.Locations), number(p.TIV)})
	}
	w.Flush()
	return w.Error() // of all of them
}

// portfolioDownload is `qrsd portfolio download`.
type portfolioDownload struct {
	portfolioFlags
	versionFlag
	Out string `short:"o" required:"" placeholder:"DIR" help:"Folder to save the files into."`
}

// Run carries out the command.
func (x *portfolioDownload) Run(ctx context.Context, c console) error {
	a, id, err := x.at(ctx)
	if err != nil {
		return err
	}
	p, err := x.of(ctx, a, id)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(x.Out, 0o700); err != nil {
		return err
	}
	for _, f := range p.Files {
		name, err := safeName(f.Name)
		if err != nil {
			return err
		}
		bar := startTransfer(c.err, name)
		err = saved(filepath.Join(x.Out, name), f.Digest, func(w io.Writer) error { return a.PortfolioFile(ctx, id, p.Version, f.Role, w, bar.update) })
		bar.stop()
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "%s  %s\n", name, bytesInWords(f.Bytes))
	}
	return nil
}

// portfolioDelete is `qrsd portfolio delete`.
type portfolioDelete struct {
	portfolioFlags
	Yes bool `help:"Do not ask."`
}

// Run carries out the command.
func (x *portfolioDelete) Run(ctx context.Context, c console) error {
	a, id, err := x.at(ctx)
	if err != nil {
		return err
	}
	p, etag, err := a.Portfolio(ctx, id)
	if err != nil {
		return err
	}
	if !x.Yes {
		if err := agree(ctx, fmt.Sprintf("remove portfolio %s, %q, with %s and their files? (yes/no) ", id, p.Name, counted(p.Version, "version")), "yes"); err != nil {
			return err
		}
	}
	if err := a.DeletePortfolio(ctx, id, etag); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "portfolio %s was removed\n", id)
	return nil
}
