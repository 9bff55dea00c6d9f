//! Arrows point down: reads the `use crate::…` lines and fails on one that points up or sideways where that is not allowed.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers from the bottom; modules of one group may not use each other unless [`SIDEWAYS`] says so.
const LAYERS: [&[&str]; 11] = [
    &["id", "clock", "config", "telemetry"],
    &["protocol"],
    &["doc"],
    &["backend"],
    &["store"],
    &["access"],
    &["presence", "bus", "events"],
    &["room"],
    &["ws", "http"],
    &["platform"],
    &["app"],
];

/// The socket route uses the shell's extractors and origins.
const SIDEWAYS: [(&str, &str); 1] = [("ws", "http")];

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&module))
        .unwrap_or_else(|| panic!("`{module}` has no place in the layers"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The top modules a file names after `crate::`, in code.
fn named(source: &str) -> Vec<String> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut modules = Vec::new();
    for line in code {
        for rest in line.split("crate::").skip(1) {
            match rest.strip_prefix('{') {
                // `use crate::{a, b::c};`
                Some(list) => modules.extend(list.split(',').map(|part| word(part.trim()))),
                None => modules.push(word(rest)),
            }
        }
    }
    modules.retain(|module| !module.is_empty());
    modules
}

#[test]
fn arrows_point_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&root).unwrap();
        let own = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if ["lib", "main"].contains(&own.as_str()) {
            continue;
        }
        for used in named(&fs::read_to_string(&file).unwrap()) {
            let down = layer(&used) < layer(&own);
            let sideways = own == used || SIDEWAYS.contains(&(own.as_str(), used.as_str()));
            if !down && !sideways {
                wrong.push(format!("{}: `{own}` must not use `{used}`", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_checker_sees_an_arrow_that_points_up() {
    assert_eq!(
        named("use crate::{doc, room::Hub};\n// crate::ws\nlet x = crate::store::f();"),
        ["doc", "room", "store"]
    );
    assert!(layer("room") > layer("store") && layer("store") > layer("doc"));
}
