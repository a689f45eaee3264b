package reference

import (
	"os"
	"testing"
)

func TestParse(t *testing.T) {
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(len(d.Operations()), len(d.JSON()))
}
