package report

import (
	"bytes"
	"fmt"
	"html"
	"html/template"
	"image/color"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
)

// chart is one picture: for the page, which has title and colours around it, and for a file of its own.
type chart struct {
	name    string // of the file, without suffix
	Caption string // what is shown, without the name of the load
	Inline  template.HTML
	alone   string
}

// Sizes are in points of the chart, which the page scales. At the width of a telephone they are about pixels.
const (
	chartWidth  = 440
	barHeight   = 25
	curveHeight = 300
	nameMax     = 24   // runes of a server's name
	drawnMin    = 1e-3 // µs: less has no place on a logarithmic axis, and nobody measures it
)

// bar is one server in a chart of bars. From low to high is what its rounds measured.
type bar struct {
	server           string
	ink              ink
	value, low, high float64
	label            string
}

// newBars draws bars from zero, the first on top.
func newBars(title, caption string, bars []bar) (*chart, error) {
	return newChart(title, caption, float64(len(bars)*barHeight+6), func(p *plot.Plot) error {
		names := make([]string, len(bars))
		ends := plotter.XYLabels{XYs: make(plotter.XYs, len(bars)), Labels: make([]string, len(bars))}
		widest := 0.0
		for i, b := range bars {
			y := len(bars) - 1 - i
			names[y] = clip(b.server)
			one, err := plotter.NewBarChart(plotter.Values{b.value}, 14)
			if err != nil {
				return err
			}
			one.Horizontal, one.XMin, one.Color, one.LineStyle.Width = true, float64(y), b.ink, 0
			p.Add(one)
			if b.low < b.high {
				whisker, err := plotter.NewXErrorBars(spreads{{b.value, float64(y), b.low, b.high}})
				if err != nil {
					return err
				}
				whisker.LineStyle.Color, whisker.CapWidth = inkText, 6
				p.Add(whisker)
			}
			end := max(b.value, b.high)
			ends.XYs[y], ends.Labels[y] = plotter.XY{X: end, Y: float64(y)}, b.label
			widest = max(widest, end)
		}
		labels, err := plotter.NewLabels(ends)
		if err != nil {
			return err
		}
		for i := range labels.TextStyle {
			labels.TextStyle[i] = written(11)
			labels.TextStyle[i].YAlign = text.YCenter
		}
		labels.Offset.X = 6
		p.Add(labels)
		p.NominalY(names...)
		p.Y.LineStyle.Width, p.Y.Padding = 0, 3
		p.Y.Min, p.Y.Max = -0.5, float64(len(bars))-0.5
		p.HideX()
		p.X.Min, p.X.Max = 0, 1.5*widest // to the right of the widest there is room for its label
		if widest == 0 {
			p.X.Max = 1
		}
		return nil
	})
}

// spreads are bars' whiskers, as the charting library asks for them.
type spreads []struct{ x, y, low, high float64 }

func (s spreads) Len() int                        { return len(s) }
func (s spreads) XY(i int) (x, y float64)         { return s[i].x, s[i].y }
func (s spreads) XError(i int) (float64, float64) { return s[i].x - s[i].low, s[i].high - s[i].x }

// curve is one server in a chart of latencies.
type curve struct {
	server string
	ink    ink
	points []load.CurvePoint
}

// percentTicks are the percentiles that have a name on the axis, on which 90, 99 and 99.9 % are equally far apart: an axis in
// percent would squeeze what matters into its last hundredth. The axis begins at the median.
var percentTicks = []float64{50, 90, 99, 99.9, 99.99, 99.999}

// place is where a percentile stands on that axis. 100 stands nowhere.
func place(percent float64) float64 { return -math.Log10(1 - percent/100) }

// newCurves draws latencies by percentile, both on axes that are logarithmic.
func newCurves(title, caption string, curves []curve) (*chart, error) {
	return newChart(title, caption, curveHeight, func(p *plot.Plot) error {
		low, high := math.Inf(1), 0.0
		for _, c := range curves {
			var line plotter.XYs
			for _, q := range c.points {
				if q.Percent >= percentTicks[0] && q.Percent < 100 && q.Micros >= drawnMin {
					line = append(line, plotter.XY{X: place(q.Percent), Y: q.Micros})
					low, high = min(low, q.Micros), max(high, q.Micros)
				}
			}
			if len(line) == 0 {
				continue
			}
			l, err := plotter.NewLine(line)
			if err != nil {
				return err
			}
			l.Color, l.Width = c.ink, 1.8
			p.Add(l)
			p.Legend.Add(clip(c.server), l)
		}
		if high == 0 {
			low, high = 1, 1
		}
		grid := plotter.NewGrid()
		grid.Vertical.Color, grid.Horizontal.Color = inkGrid, inkGrid
		p.Add(grid)
		p.Legend.TextStyle = written(11) // at the lower right: latencies rise
		p.Legend.XOffs, p.Legend.YOffs, p.Legend.Padding, p.Legend.ThumbnailWidth = -16, 8, 2, 16
		p.X.Min, p.X.Max = place(percentTicks[0]), place(percentTicks[len(percentTicks)-1])
		p.X.Tick.Marker = plot.TickerFunc(func(float64, float64) (ticks []plot.Tick) {
			for _, q := range percentTicks {
				ticks = append(ticks, plot.Tick{Value: place(q), Label: fmt.Sprintf("%g%%", q)})
			}
			return ticks
		})
		p.Y.Scale, p.Y.Min, p.Y.Max = plot.LogScale{}, low/1.3, high*1.3
		p.Y.Tick.Marker = plot.TickerFunc(timeTicks)
		for _, a := range []*plot.Axis{&p.X, &p.Y} {
			a.LineStyle.Color, a.LineStyle.Width, a.Tick.Label, a.Padding = inkFaint, 0.5, written(10.5), 0
			a.Tick.LineStyle.Color, a.Tick.LineStyle.Width = inkFaint, 0.5
		}
		p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = text.XCenter, text.YTop
		p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = text.XRight, text.YCenter
		return nil
	})
}

// timeTicks are at 1, 2 and 5 of every decade, or at 1 where that would be too many.
func timeTicks(low, high float64) (ticks []plot.Tick) {
	steps := []float64{1, 2, 5}
	if high/low > 2e3 {
		steps = steps[:1]
	}
	for decade := math.Pow(10, math.Floor(math.Log10(low))); decade <= high; decade *= 10 {
		for _, s := range steps {
			if v := decade * s; v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: roundTime(v)})
			}
		}
	}
	return ticks
}

func roundTime(us float64) string {
	switch {
	case us < 1e3:
		return fmt.Sprintf("%.3g µs", us)
	case us < 1e6:
		return fmt.Sprintf("%.3g ms", us/1e3)
	}
	return fmt.Sprintf("%.3g s", us/1e6)
}

// newChart has a plot filled, and draws it twice.
func newChart(load, caption string, height float64, fill func(*plot.Plot) error) (*chart, error) {
	title := load + ": " + caption
	c := &chart{Caption: caption}
	for _, alone := range []bool{false, true} {
		p := plot.New()
		p.BackgroundColor = color.Transparent
		p.Y.Tick.Label, p.Y.Tick.LineStyle.Width = written(11), 0
		p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = text.XRight, text.YCenter
		if err := fill(p); err != nil {
			return nil, fmt.Errorf("chart %q: %w", title, err)
		}
		margin, h := 0.0, height
		if alone {
			margin, h = 10, h+20+22
			p.BackgroundColor = inkPaper
			size := min(13, 13*chartWidth/float64(written(13).Width(plain(title))+1)) // in one line
			p.Title.Text, p.Title.TextStyle, p.Title.Padding = plain(title), written(size), 8
			p.Title.TextStyle.XAlign, p.Title.TextStyle.YAlign = text.XCenter, text.YTop
		}
		canvas := vgsvg.New(vg.Length(chartWidth+2*margin), vg.Length(h))
		all := draw.New(canvas)
		if alone {
			all.SetColor(inkPaper)
			all.Fill(all.Rectangle.Path())
		}
		m := vg.Length(margin)
		p.Draw(draw.Crop(all, m, -m, m, -m))
		var b bytes.Buffer
		if _, err := canvas.WriteTo(&b); err != nil {
			return nil, err
		}
		svg := coloured(fitted(b.String()))
		if alone {
			c.alone = standing(svg)
		} else {
			c.Inline = template.HTML(inlined(svg, title))
		}
	}
	return c, nil
}

// written is text of a size, in the one font whose widths the charting library knows and which every system has a twin of.
func written(size float64) text.Style {
	return text.Style{Color: inkText, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size)}, Handler: plot.DefaultTextHandler}
}

// plain makes a name one line of text.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

func clip(s string) string {
	if r := []rune(plain(s)); len(r) > nameMax {
		return string(r[:nameMax-1]) + "…"
	}
	return plain(s)
}

// An ink is a colour that light and dark have their own shades of. The charting library draws one shade; so it draws with marks,
// which become the names of the style sheet's colours afterwards.
type ink uint8

const (
	inkText ink = iota
	inkFaint
	inkGrid
	inkPaper
	inkBase   // the server to which the ratios are
	inkServer // the first other one; more follow
)

// RGBA is that of the mark.
func (i ink) RGBA() (r, g, b, a uint32) { return color.RGBA{1, 0, uint8(i), 255}.RGBA() }

// shades are light and dark, by ink.
var shades = [...][2]string{
	{"#1d2329", "#dfe4e9"}, {"#66707a", "#929da8"}, {"#dde1e5", "#333b43"}, {"#ffffff", "#14181c"},
	{"#8a949e", "#78838e"},
	{"#1f66b0", "#5fa3e6"}, {"#d06a14", "#f0974a"}, {"#23835a", "#4fbd8b"}, {"#a8386e", "#e07fae"}, {"#7355bd", "#a890ea"},
	{"#a98508", "#d9b84a"}, {"#1b8a99", "#55bfcd"}, {"#8f4a27", "#cb8a66"}, {"#5c7018", "#a2b95a"}, {"#c03d35", "#ee7d75"},
}

// serverInk is the colour of the i-th server that is not the base.
func serverInk(i int) ink { return inkServer + ink(i%(len(shades)-int(inkServer))) }

// sheet defines the inks, for light and for dark.
func sheet() string {
	var light, dark strings.Builder
	for i, s := range shades {
		fmt.Fprintf(&light, "--i%d:%s;", i, s[0])
		fmt.Fprintf(&dark, "--i%d:%s;", i, s[1])
	}
	return fmt.Sprintf(":root{%s}@media (prefers-color-scheme:dark){:root{%s}}", &light, &dark)
}

// Text cannot look like an attribute: its quotes are escaped.
var (
	attribute = regexp.MustCompile(`style="[^"]*"`)
	mark      = regexp.MustCompile(`#0100([0-9A-F]{2})`)
	prologue  = regexp.MustCompile(`(?s)^.*?<svg[^>]*>`)
	words     = regexp.MustCompile(`<text ([^>]*?font-size:([\d.]+)px[^>]*)>([^<]*)</text>`)
)

// fitted says of each text how wide it is: a browser that has another font would run it into the bars.
func fitted(svg string) string {
	return words.ReplaceAllStringFunc(svg, func(s string) string {
		m := words.FindStringSubmatch(s)
		size, _ := strconv.ParseFloat(m[2], 64)
		width := written(size).Width(html.UnescapeString(m[3]))
		if width <= 0 {
			return s
		}
		return fmt.Sprintf(`<text %s textLength="%.2f" lengthAdjust="spacingAndGlyphs">%s</text>`, m[1], width, m[3])
	})
}

// coloured puts the style sheet's colours in place of the marks.
func coloured(svg string) string {
	return attribute.ReplaceAllStringFunc(svg, func(s string) string {
		s = strings.ReplaceAll(s, "font-family:Liberation Sans;", "font-family:Helvetica,Arial,Liberation Sans,sans-serif;")
		s = strings.ReplaceAll(s, "font-variant:normal;font-weight:normal;font-style:normal;", "")
		return mark.ReplaceAllStringFunc(s, func(m string) string {
			var i int
			fmt.Sscanf(m[5:], "%X", &i)
			return fmt.Sprintf("var(--i%d)", i)
		})
	})
}

// viewBox is all that is kept of the drawing's own first tag.
var viewBox = regexp.MustCompile(`viewBox="[-0-9. ]*"`)

// inlined makes a part of a page of a drawing.
func inlined(svg, title string) string {
	head := fmt.Sprintf(`<svg %s role="img" aria-label="%s">`, viewBox.FindString(svg), template.HTMLEscapeString(plain(title)))
	return head + prologue.ReplaceAllLiteralString(svg, "")
}

// standing makes a file of a drawing, with the colours in it.
func standing(svg string) string {
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" %s><style>%s</style>", chartWidth+20, viewBox.FindString(svg), sheet()) +
		prologue.ReplaceAllLiteralString(svg, "")
}
