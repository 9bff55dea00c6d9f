//! The samples hold together: every file can be ingested, every block finds its columns, and what the narratives say is true.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::{Sample, samples};
use crate::doc::schema::{CanvasLimits, parse_import};
use crate::platform::bindings::Calculator;
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
            let fields = ["columns", "filters"].map(|list| content[list].as_array());
            let fields = fields.into_iter().flatten().flatten().map(|item| &item["field"]);
            // An empty name is no column.
            for name in config.into_iter().chain(fields).filter_map(Value::as_str).filter(|name| !name.is_empty()) {
                let known = by_id[id].columns.iter().any(|column| column.name == name);
                assert!(known, "{}: {} names {name:?}", sample.name, block["id"]);
            }
        }
        assert!(by_id.keys().all(|id| used.contains(&id.as_str())), "{}: a dataset nobody shows", sample.name);
        let imported = parse_import(&canvas, &CanvasLimits::default()).unwrap();
        assert_eq!(imported.blocks.len(), canvas["blocks"].as_array().unwrap().len());
    }
    assert!(largest > 5_000, "a table with more than 5,000 rows is among them");
    for kind in ["bar", "line", "area", "scatter", "pie", "narrative", "table", "metric", "heading"] {
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
    assert!(error.to_string().contains("sales"), "{error}");
}

/// Computed as the first start does it: every number in a narrative is one, and every `{{key}}` in its text has one.
#[tokio::test]
async fn every_number_in_a_narrative_comes_from_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = Arc::new(Datasets::open(dir.path(), Limits::default()).unwrap());
    let calculator = Calculator::new(Arc::clone(&datasets));
    for sample in samples() {
        let ingested = ingest(&datasets, &sample).await;
        let canvas = sample.canvas(&|key| ingested.get(key).map(|dataset| dataset.id)).unwrap();
        let canvas = parse_import(&canvas, &CanvasLimits::default()).unwrap();
        let filled = calculator.fill("acme", &canvas).await.unwrap();
        assert_eq!(filled.blocks.len(), canvas.blocks.len());
        for block in filled.blocks.iter().filter(|block| block.kind == "narrative") {
            let text = block.content["text"].as_str().unwrap();
            let used: BTreeSet<_> = text.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap()).collect();
            let bindings = block.content["data_bindings"].as_array().unwrap();
            let keys: BTreeSet<_> = bindings.iter().map(|binding| binding["key"].as_str().unwrap()).collect();
            assert_eq!(used, keys, "{}", sample.name);
            for binding in bindings {
                assert!(binding["value"].is_number(), "{}: {binding}", sample.name);
                assert!(binding.get("error").is_none(), "{}: {binding}", sample.name);
            }
        }
    }
}

/// A dataset of a sample, read whole.
struct Table(RowsPage);

impl Table {
    async fn of(datasets: &Datasets, dataset: &Dataset) -> Self {
        let table = datasets.rows("acme", dataset.id, 0, 10_000).await.unwrap().unwrap();
        assert_eq!(table.next_row, None, "{}", dataset.name);
        Self(table)
    }

    fn cells(&self, column: &str) -> impl Iterator<Item = &Cell> {
        let index = self.0.columns.iter().position(|name| name == column).unwrap();
        self.0.rows.iter().map(move |row| &row[index])
    }

    fn texts(&self, column: &str) -> Vec<&str> {
        let texts = self.cells(column).map(|cell| if let Cell::Text(text) = cell { text.as_str() } else { "" });
        texts.collect()
    }

    /// Two columns beside each other, where the second holds a number.
    fn pairs(&self, text: &str, number: &str) -> Vec<(&str, f64)> {
        let numbers = self.cells(number).map(|cell| if let Cell::Number(value) = cell { Some(*value) } else { None });
        self.texts(text).into_iter().zip(numbers).filter_map(|(text, number)| Some((text, number?))).collect()
    }
}

fn most<'a>(pairs: &[(&'a str, f64)]) -> &'a str {
    pairs.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0
}

fn least<'a>(pairs: &[(&'a str, f64)]) -> &'a str {
    pairs.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    sum / count
}

/// The tables of a sample by key, and the text of its narratives.
async fn told(datasets: &Datasets, name: &str) -> (HashMap<&'static str, Table>, String) {
    let sample = samples().into_iter().find(|sample| sample.name == name).unwrap();
    let mut tables = HashMap::new();
    for (key, dataset) in ingest(datasets, &sample).await {
        tables.insert(key, Table::of(datasets, &dataset).await);
    }
    let canvas = sample.canvas(&|_| Some(Uuid::nil())).unwrap();
    let texts = canvas["blocks"].as_array().unwrap().iter().filter_map(|block| block["content"]["text"].as_str());
    (tables, texts.collect())
}

fn says(text: &str, claims: &[&str]) {
    for claim in claims {
        assert!(text.contains(claim), "checked but not said: {claim}");
    }
}

#[tokio::test]
async fn what_the_narrative_on_jobs_states_is_so() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = Datasets::open(dir.path(), Limits::default()).unwrap();
    let (tables, text) = told(&datasets, "Eight years of American jobs").await;
    let jobs = tables["jobs"].pairs("month", "jobs");
    let before: Vec<_> = jobs.iter().copied().filter(|(month, _)| *month < "2009").collect();
    let peak = most(&before);
    let highest = before.iter().map(|(_, jobs)| *jobs).fold(0.0, f64::max);
    says(
        &text,
        &["jobs in January 2008", "Two years later", "one in sixteen", "March 2009", "May 2014", "December 2015"],
    );
    assert_eq!((peak, least(&jobs)), ("2008-01-01", "2010-02-01"));
    let lowest = jobs.iter().map(|(_, jobs)| *jobs).fold(f64::MAX, f64::min);
    assert!(((highest - lowest) / highest - 1.0 / 16.0).abs() < 0.001);
    assert_eq!(least(&tables["jobs"].pairs("month", "change")), "2009-03-01");
    assert_eq!(jobs.iter().find(|(month, jobs)| *month > peak && *jobs > highest).unwrap().0, "2014-05-01");
    assert_eq!(jobs.last().unwrap().0, "2015-12-01");
    // Both files of sectors are of the same months.
    let (sectors, turn) = (&tables["sectors"], &tables["turn"]);
    for (month, column) in [("2008-01-01", "jan_2008"), ("2010-02-01", "feb_2010"), ("2015-12-01", "dec_2015")] {
        let of_month = sectors.texts("month").into_iter().zip(sectors.pairs("sector", "jobs"));
        let of_month: Vec<_> = of_month.filter(|(of, _)| *of == month).map(|(_, pair)| pair).collect();
        assert_eq!(of_month, turn.pairs("sector", column), "{month}");
    }
}

#[tokio::test]
async fn what_the_narrative_on_lives_states_is_so() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = Datasets::open(dir.path(), Limits::default()).unwrap();
    let (tables, text) = told(&datasets, "Fifty years of longer lives").await;
    let life = &tables["life"];
    let mut years: HashMap<&str, HashMap<i64, f64>> = HashMap::new();
    for ((country, years_lived), (_, year)) in
        life.pairs("country", "life_expectancy").into_iter().zip(life.pairs("country", "year"))
    {
        years.entry(country).or_default().insert(year as i64, years_lived);
    }
    assert_eq!(years.len(), 62);
    says(
        &text,
        &["China in 1960", "**27.8 years**", "at 58.5", "Rwanda fell by five years from 1985 to 1995", "in 1980"],
    );
    says(
        &text,
        &["South Africa is the one country here that ended *below*", "Peru, Iran and Turkey gained about thirty"],
    );
    let of = |country: &str, year: i64| years[country][&year];
    assert_eq!(format!("{:.1} {:.1}", of("China", 1960), of("China", 1965)), "27.8 58.5");
    assert!((of("Rwanda", 1985) - of("Rwanda", 1995) - 5.0).abs() < 0.2);
    assert!(of("Rwanda", 1995) < of("Rwanda", 1980));
    let below: Vec<_> = years.iter().filter(|(_, of)| of[&2005] < of[&1955]).map(|(country, _)| *country).collect();
    assert_eq!(below, ["South Africa"]);
    for country in ["Peru", "Iran", "Turkey"] {
        assert!((of(country, 2005) - of(country, 1955) - 30.0).abs() < 4.0, "{country}");
    }
}

#[tokio::test]
async fn what_the_narratives_on_nature_state_is_so() {
    let dir = tempfile::tempdir().unwrap();
    let datasets = Datasets::open(dir.path(), Limits::default()).unwrap();

    let (tables, text) = told(&datasets, "Seattle weather").await;
    let days = &tables["weather"];
    let rain = days.pairs("date", "precipitation");
    let dry = rain.iter().filter(|(_, rain)| *rain <= 0.0).count() as f64 / rain.len() as f64;
    says(&text, &["**dry**: 57%", "three quarters", "less than 5%", "15 March 2015", "11 August 2014"]);
    says(&text, &["7 December 2013, at −7.1 °C"]);
    assert!((dry - 0.57).abs() < 0.005, "{dry}");
    let fell = |months: &[&str]| -> f64 {
        rain.iter().filter(|(date, _)| months.contains(&&date[5..7])).map(|(_, rain)| rain).sum()
    };
    let all: f64 = rain.iter().map(|(_, rain)| rain).sum();
    assert!((0.72..0.75).contains(&(fell(&["10", "11", "12", "01", "02", "03"]) / all)));
    assert!(fell(&["07", "08"]) / all < 0.05);
    let (hot, cold) = (days.pairs("date", "temp_max"), days.pairs("date", "temp_min"));
    assert_eq!((most(&rain), most(&hot), least(&cold)), ("2015-03-15", "2014-08-11", "2013-12-07"));

    let (tables, text) = told(&datasets, "Carbon dioxide and temperature").await;
    let mut years = tables["temperature"].pairs("decade", "anomaly");
    says(&text, &["**No year since 1976 was below it**", "the ten from 2014 to 2023", "began in 1958"]);
    assert!(tables["co2"].texts("Date")[0].starts_with("1958"));
    let year = |index: usize| 1880 + index;
    assert_eq!(year(years.iter().rposition(|(_, anomaly)| *anomaly < 0.0).unwrap()), 1976);
    let recent = years.split_off(2014 - 1880);
    assert_eq!(recent.len(), 10);
    let coolest = recent.iter().map(|(_, anomaly)| *anomaly).fold(f64::MAX, f64::min);
    assert!(years.iter().all(|(_, anomaly)| *anomaly < coolest));

    let (tables, text) = told(&datasets, "Palmer penguins").await;
    let (mass, homes) = (tables["penguins"].pairs("Species", "Body Mass (g)"), &tables["penguins"]);
    let average = |species: &str| mean(mass.iter().filter(|(one, _)| *one == species).map(|(_, mass)| *mass));
    says(
        &text,
        &["over 1,300 g more than an Adelie or a Chinstrap", "Gentoos only on Biscoe, Chinstraps only on Dream"],
    );
    assert!(["Adelie", "Chinstrap"].iter().all(|other| average("Gentoo") - average(other) > 1_300.0));
    let homes: BTreeSet<_> = homes.texts("Species").into_iter().zip(homes.texts("Island")).collect();
    let wanted = [
        ("Adelie", "Biscoe"),
        ("Adelie", "Dream"),
        ("Adelie", "Torgersen"),
        ("Chinstrap", "Dream"),
        ("Gentoo", "Biscoe"),
    ];
    assert_eq!(homes, wanted.into());
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
