package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/modelcard"
	"github.com/qrsrisk/qrsd/engine/loss"
	"github.com/qrsrisk/qrsd/engine/modelpack"
	"github.com/qrsrisk/qrsd/engine/registry"
	"github.com/qrsrisk/qrsd/engine/vulnerability"
)

// parametersCommand is `qrsd model parameters`.
type parametersCommand struct {
	Kind  string `enum:",fitted,literature,judgement" default:"" placeholder:"KIND" help:"Only parameters of this kind: fitted, literature or judgement."`
	Stage string `enum:",hazard,windfield,vulnerability,loss" default:"" placeholder:"STAGE" help:"Only those of this stage: hazard, windfield, vulnerability or loss."`
	JSON  bool   `help:"Print as JSON."`
}

// parameterOutput is a parameter in JSON.
type parameterOutput struct {
	Stage        string `json:"stage"`
	Name         string `json:"name"`
	Symbol       string `json:"symbol,omitempty"`
	Distribution string `json:"distribution"`
	Value        string `json:"value"`
	Unit         string `json:"unit,omitempty"`
	Kind         string `json:"kind"`
	N            string `json:"n,omitempty"`
	Source       string `json:"source"`
	Group        string `json:"group,omitempty"`
	Off          string `json:"off,omitempty"`
}

type parametersOutput struct {
	Model      string            `json:"model"`
	Parameters []parameterOutput `json:"parameters"`
}

// Run carries out the command.
func (p *parametersCommand) Run(c console) error {
	model, err := modelpack.Florida(vulnerability.Options{})
	if err != nil {
		return err
	}
	out := parametersOutput{Model: model.Digest.String(), Parameters: []parameterOutput{}}
	for _, x := range modelcard.Parameters(model, loss.DefaultCorrelation()) {
		if (p.Kind == "" || p.Kind == string(x.Kind)) && (p.Stage == "" || p.Stage == x.Stage) {
			out.Parameters = append(out.Parameters, parameterOutput{x.Stage, x.Name, x.Symbol, x.Distribution, x.Value, x.Unit, string(x.Kind), x.N, x.Source, x.Group, x.Off})
		}
	}
	if p.JSON {
		return printJSON(c.out, out)
	}
	printParameters(c.out, out)
	return nil
}

func printParameters(w io.Writer, out parametersOutput) {
	counts := map[string]int{}
	for _, p := range out.Parameters {
		counts[p.Kind]++
	}
	fmt.Fprintf(w, "model %.19s: %d parameters (%d fitted, %d literature, %d judgement)\n", out.Model, len(out.Parameters),
		counts[string(registry.Fitted)], counts[string(registry.Literature)], counts[string(registry.Judgement)])
	stage := ""
	for _, p := range out.Parameters {
		if p.Stage != stage {
			stage = p.Stage
			fmt.Fprintf(w, "\n%s\n", strings.ToUpper(stage))
		}
		printParameter(w, p)
	}
}

// printParameter prints one parameter as a short paragraph: a table of eleven columns would be read by nobody.
func printParameter(w io.Writer, p parameterOutput) {
	title := p.Name
	if p.Symbol != "" {
		title += " [" + p.Symbol + "]"
	}
	fmt.Fprintf(w, "  %s\n", title)
	value := p.Value
	if p.Unit != "" && p.Unit != "1" {
		value += " " + p.Unit
	}
	fmt.Fprintf(w, "      %s: %s\n", p.Distribution, shorten(value))
	from := p.Kind
	if p.N != "" {
		from += ", n = " + p.N
	}
	fmt.Fprintf(w, "      %s; %s\n", from, p.Source)
	if p.Group != "" {
		fmt.Fprintf(w, "      group %s; off: %s\n", p.Group, p.Off)
	}
}

// shorten cuts text at a space, so that a value takes two lines of a terminal at most; the JSON has it whole.
func shorten(text string) string {
	const limit = 144
	if len(text) <= limit {
		return text
	}
	cut := strings.LastIndexByte(text[:limit], ' ')
	if cut < limit/2 {
		cut = limit
	}
	return strings.ToValidUTF8(text[:cut], "") + " …"
}
