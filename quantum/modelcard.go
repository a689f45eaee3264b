package quantum

import _ "embed" // for the text

//go:embed modelcard.md
var modelCard string

// ModelCard is what the estimate is and is not, for people who decide whether to rely on it: Markdown, of headings, paragraphs and
// bold words only.
func ModelCard() string { return modelCard }
