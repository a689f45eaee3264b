package page

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// QR is a QR code as one SVG path of unit squares, with the four modules of quiet zone that ISO/IEC 18004 asks for around it.
type QR struct {
	Side int    // in modules, quiet zone included
	Path string // of an SVG path element
}

// quiet is the zone around a code, in modules.
const quiet = 4

// NewQR draws a text, as of an enrolment. An error means that it is too long for any code.
func NewQR(text string) (QR, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		// The library's error would hold the text, which is a secret.
		return QR{}, fmt.Errorf("draw a QR code of %d bytes: the text is too long", len(text))
	}
	side := code.Bounds().Dx()
	var path strings.Builder
	for y := range side {
		for x := 0; x < side; x++ {
			from := x
			for x < side && dark(code.At(x, y)) {
				x++
			}
			if x > from {
				path.WriteString("M" + strconv.Itoa(from+quiet) + " " + strconv.Itoa(y+quiet) +
					"h" + strconv.Itoa(x-from) + "v1h-" + strconv.Itoa(x-from) + "z")
			}
		}
	}
	return QR{Side: side + 2*quiet, Path: path.String()}, nil
}

// dark reports whether a module is one of the dark ones.
func dark(c interface{ RGBA() (r, g, b, a uint32) }) bool {
	r, _, _, _ := c.RGBA()
	return r < 0x8000
}
