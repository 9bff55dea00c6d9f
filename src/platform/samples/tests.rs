//! The samples hold together: every file can be ingested, every block finds its columns, and what the narratives say is true.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use super::{Sample, samples};
use crate::doc::schema::{CanvasLimits, parse_import};
use crate::platform::datasets::{Cell, Dataset, Datasets, Limits, RowsPage};

async fn ingest(datasets: &Datasets, sample: &Sample) -> HashMap<&'static str, Dataset> {
    let mut ingested = HashMap::new();
    for file in sample.datasets {
        let (source, licence) = (Some(file.source), Some(file.licence));
        let dataset = datasets
            .ingest_bytes("acme", "ada", file.name, file.media_type, file.bytes, source, licence)
            .await
            .unwrap();
        assert!(ingested.insert(file.key, dataset).is_none(), "{} twice", file.key);
    }
    ingested
}

#[tokio::test]
async fn every_block_of_every_sample_shows_columns_that_exist() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = Datasets::open(dir.path(), Limits::default()).unwrap();
    let (mut largest, mut kinds) = (0, Vec::new());
    for sample in samples() {
        let ingested = ingest(&datasets, &sample).await;
        largest = ingested.values().map(|dataset| dataset.row_count).chain([largest]).max().unwrap();
        let canvas = sample.canvas(&|key| ingested.get(key).map(|dataset| dataset.id)).unwrap();
        assert_eq!(canvas["name"], sample.name);
        let by_id: HashMap<String, &Dataset> = ingested.values().map(|one| (one.id.to_string(), one)).collect();
        let mut used = Vec::new();
        for block in canvas["blocks"].as_array().unwrap() {
            let content = &block["content"];
            kinds.push(content["chart_type"].as_str().unwrap_or(block["type"].as_str().unwrap()).to_owned());
            let Some(id) = content["data_source"]["dataset_id"].as_str() else { continue };
            used.push(id);
            let config = ["x_axis", "y_axis", "color"].map(|field| &content["config"][field]);
            let columns = content["columns"].as_array().into_iter().flatten().map(|column| &column["field"]);
            for name in config.into_iter().chain(columns).filter_map(Value::as_str) {
                let known = by_id[id].columns.iter().any(|column| column.name == name);
                assert!(known, "{}: {} names {name:?}", sample.name, block["id"]);
            }
        }
        assert!(by_id.keys().all(|id| used.contains(&id.as_str())), "{}: a dataset nobody shows", sample.name);
        let imported = parse_import(&canvas, &CanvasLimits::default()).unwrap();
        assert_eq!(imported.blocks.len(), canvas["blocks"].as_array().unwrap().len());
    }
    assert!(largest > 5_000, "a table with more than 5,000 rows is among them");
    for kind in ["bar", "line", "area", "scatter", "pie", "narrative", "table"] {
        assert!(kinds.iter().any(|one| one == kind), "no {kind}");
    }
}

#[test]
fn no_block_covers_another() {
    for sample in samples() {
        let canvas = sample.canvas(&|_| Some(Uuid::nil())).unwrap();
        let mut taken = HashMap::new();
        for block in canvas["blocks"].as_array().unwrap() {
            let side = |name: &str| block["position"][name].as_u64().unwrap();
            assert!(side("x") + side("w") <= 12, "{}: {} leaves the grid", sample.name, block["id"]);
            for cell in (0..side("w") * side("h")).map(|n| (side("x") + n % side("w"), side("y") + n / side("w"))) {
                let other = taken.insert(cell, &block["id"]);
                assert_eq!(other, None, "{}: {} is in the way", sample.name, block["id"]);
            }
        }
    }
}

#[test]
fn a_template_with_an_unknown_dataset_says_which() {
    let error = samples()[0].canvas(&|_| None).unwrap_err();
    assert!(error.to_string().contains("co2"), "{error}");
}

/// The seed's example keeps its ids and places, and its numbers are those of the data.
#[tokio::test]
async fn the_sales_narrative_says_what_the_figures_add_up_to() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = Datasets::open(dir.path(), Limits::default()).unwrap();
    let sample = samples().into_iter().find(|sample| sample.name == "Q4 Sales Analysis").unwrap();
    let ingested = ingest(&datasets, &sample).await;
    let canvas = sample.canvas(&|key| ingested.get(key).map(|dataset| dataset.id)).unwrap();
    let places: Vec<String> = canvas["blocks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| {
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| &block["position"][side]);
            format!("{} {x},{y} {w}x{h}", block["id"])
        })
        .collect();
    assert_eq!(places, ["\"block_1\" 0,0 6x4", "\"block_2\" 6,0 6x4", "\"block_3\" 0,4 12x6"]);

    let rows = |key: &str| {
        let id = ingested[key].id;
        let datasets = &datasets;
        async move { datasets.rows("acme", id, 0, 1_000).await.unwrap().unwrap() }
    };
    let (sales, products) = (rows("sales").await, rows("sales_by_product").await);
    let (before, after) = (sum(&sales, "total_sales", "Q3 2024"), sum(&sales, "total_sales", "Q4 2024"));
    assert_eq!((before, after), (2_000_000.0, 2_506_000.0));
    let (q3, q4) = (sum(&products, "q3_sales", ""), sum(&products, "q4_sales", ""));
    assert_eq!((q3, q4), (before, after), "both files agree");
    let growth = (after / before - 1.0) * 100.0;
    let bound = canvas["blocks"][1]["content"]["data_bindings"][0]["value"].as_f64().unwrap();
    assert!((growth - bound).abs() < 0.05, "{growth}");
}

/// Of the rows that begin with this; all of them begin with nothing.
fn sum(page: &RowsPage, column: &str, first: &str) -> f64 {
    let index = page.columns.iter().position(|name| name == column).unwrap();
    let number = |cell: &Cell| if let Cell::Number(value) = cell { *value } else { 0.0 };
    let counts = |row: &&Vec<Cell>| matches!(&row[0], Cell::Text(text) if text.starts_with(first));
    page.rows.iter().filter(counts).map(|row| number(&row[index])).sum()
}
