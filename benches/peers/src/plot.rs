//! A picture of one set: a panel per shape, time per event over number of rules, both logarithmic.

use std::fmt::Write as _;

use inputs::shapes::{Shape, Source};

use crate::engines::Side;
use crate::measure::Row;
use crate::report::{count, counts, engines, ns, time, title};

/// A panel, in pixels, with room for what stands around the lines.
const PANEL: (f64, f64) = (600.0, 340.0);
const LEFT: f64 = 64.0;
const RIGHT: f64 = 178.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 44.0;

/// The heading's height.
const HEAD: f64 = 48.0;

/// Labels at the lines' ends are at least so far apart.
const LABEL: f64 = 14.0;

/// Peers' colours, on light and on dark ground; ours come first and have one of their own.
const COLOURS: [(&str, &str); 7] = [
    ("#c2410c", "#fb923c"),
    ("#a16207", "#facc15"),
    ("#15803d", "#4ade80"),
    ("#7e22ce", "#c084fc"),
    ("#be185d", "#f472b6"),
    ("#0e7490", "#22d3ee"),
    ("#6b7280", "#9ca3af"),
];

/// One line of a panel.
struct Line {
    name: &'static str,
    class: String,
    points: Vec<(f64, f64)>,
}

/// The picture, if the set was timed.
pub fn svg(rows: &[Row], set: &str, source: Source) -> Option<String> {
    let rows: Vec<_> = rows.iter().filter(|row| row.source == source && ns(row, set).is_some()).collect();
    let shapes: Vec<_> =
        Shape::ALL.into_iter().filter(|shape| rows.iter().any(|row| row.shape == *shape)).collect();
    if shapes.is_empty() {
        return None;
    }
    let names = engines(rows.iter().copied());
    let columns = shapes.len().min(2);
    let (width, height) = (PANEL.0 * columns as f64, HEAD + PANEL.1 * shapes.len().div_ceil(columns) as f64);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"Time per event by number of rules, set {set}\">\n"
    );
    style(&mut text, &rows, &names);
    let _ = writeln!(text, "<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>");
    let _ = writeln!(
        text,
        "<text class=\"head\" x=\"16\" y=\"30\">Time per event by number of rules, parse included; set: {set}</text>"
    );
    for (at, shape) in shapes.iter().enumerate() {
        let place = ((at % columns) as f64 * PANEL.0, HEAD + (at / columns) as f64 * PANEL.1);
        let rows: Vec<_> = rows.iter().filter(|row| row.shape == *shape).copied().collect();
        let _ = writeln!(text, "<g transform=\"translate({} {})\">", place.0, place.1);
        panel(&mut text, &rows, &names, set, title(*shape));
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
    Some(text)
}

fn style(text: &mut String, rows: &[&Row], names: &[&'static str]) {
    let (mut light, mut dark, mut own) = (String::new(), String::new(), String::new());
    let mut peers = COLOURS.iter().cycle();
    for (at, name) in names.iter().enumerate() {
        let ours = rows.iter().any(|row| row.engine == *name && row.side == Side::Ours);
        let (on_light, on_dark) =
            if ours { ("#1d4ed8", "#60a5fa") } else { peers.next().copied().unwrap_or_default() };
        let _ = write!(light, "--e{at}:{on_light};");
        let _ = write!(dark, "--e{at}:{on_dark};");
        let wide = if ours { ";stroke-width:3" } else { "" };
        let floor = rows.iter().any(|row| row.engine == *name && row.side == Side::Floor);
        let dashed = if floor || (ours && at % 2 == 0) { ";stroke-dasharray:6 4" } else { "" };
        let _ = writeln!(own, ".e{at}{{stroke:var(--e{at}){wide}{dashed}}}");
        let _ = writeln!(own, ".d{at}{{fill:var(--e{at})}}");
    }
    let _ = write!(
        text,
        "<style>\n:root{{--ground:#ffffff;--ink:#1f2937;--faint:#e5e7eb;{light}}}\n\
         @media (prefers-color-scheme: dark){{:root{{--ground:#111827;--ink:#e5e7eb;--faint:#374151;{dark}}}}}\n\
         text{{font:12px system-ui,sans-serif;fill:var(--ink)}}\n\
         .ground{{fill:var(--ground)}}\n.head{{font-size:17px;font-weight:600}}\n.title{{font-size:14px;font-weight:600}}\n\
         .grid{{stroke:var(--faint)}}\n.line{{fill:none;stroke-width:1.8;stroke-linejoin:round}}\n{own}</style>\n"
    );
}

fn panel(text: &mut String, rows: &[&Row], names: &[&'static str], set: &str, title: &str) {
    let counts = counts(rows.iter().copied());
    let times: Vec<_> = rows.iter().filter_map(|row| ns(row, set)).collect();
    let low = times.iter().copied().fold(f64::MAX, f64::min).log10().floor();
    let high = times.iter().copied().fold(1.0, f64::max).log10().ceil().max(low + 1.0);
    let last = counts.iter().copied().max().unwrap_or(1).max(10) as f64;
    let (right, bottom) = (PANEL.0 - RIGHT, PANEL.1 - BOTTOM);
    let x = |rules: f64| LEFT + (right - LEFT) * rules.log10() / last.log10();
    let y = |ns: f64| bottom - (bottom - TOP) * (ns.log10() - low) / (high - low);
    let _ = writeln!(text, "<text class=\"title\" x=\"{LEFT}\" y=\"22\">{title}</text>");
    for decade in low as i32..=high as i32 {
        let (ns, at) = (10f64.powi(decade), y(10f64.powi(decade)));
        let _ = writeln!(
            text,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>"
        );
        let label = time(ns).replace(".00", "").replace(".0", "");
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    for rules in &counts {
        let at = x(*rules as f64);
        let _ = writeln!(
            text,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>"
        );
        let label = count(*rules);
        let _ = writeln!(
            text,
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            bottom + 16.0
        );
    }
    let middle = f64::midpoint(LEFT, right);
    let _ =
        writeln!(text, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">rules</text>", bottom + 34.0);
    let mut lines = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let own = rows.iter().filter(|row| row.engine == *name);
        let points: Vec<_> =
            own.filter_map(|row| ns(row, set).map(|ns| (x(row.rules as f64), y(ns)))).collect();
        if !points.is_empty() {
            lines.push(Line { name, class: at.to_string(), points });
        }
    }
    draw(text, &mut lines, right, bottom);
}

/// The lines, and their names at their right ends where there is room.
fn draw(text: &mut String, lines: &mut [Line], right: f64, bottom: f64) {
    for line in lines.iter() {
        let points: Vec<_> = line.points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(text, "<polyline class=\"line e{}\" points=\"{}\"/>", line.class, points.join(" "));
        for (x, y) in &line.points {
            let _ =
                writeln!(text, "<circle class=\"d{}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.6\"/>", line.class);
        }
    }
    let end = |line: &Line| line.points.last().map_or(0.0, |(_, y)| *y);
    lines.sort_by(|one, two| end(one).total_cmp(&end(two)));
    let mut places: Vec<f64> = Vec::with_capacity(lines.len());
    for line in lines.iter() {
        let wanted = end(line) + 4.0;
        places.push(places.last().map_or(wanted, |above| wanted.max(above + LABEL)));
    }
    // What was pushed below the panel moves everything above it up.
    let mut below = bottom + 4.0;
    for place in places.iter_mut().rev() {
        *place = place.min(below);
        below = *place - LABEL;
    }
    for (line, place) in lines.iter().zip(places) {
        let class = &line.class;
        let _ = writeln!(
            text,
            "<text class=\"d{class}\" style=\"fill:var(--e{class})\" x=\"{}\" y=\"{place:.1}\">{}</text>",
            right + 8.0,
            line.name
        );
    }
}
