//! Owns the canvases of the first start: what is on them, the data they show, and where that data comes from.
//! It refuses to store anything; the first start ingests the datasets and creates the canvases through their own slices.
//!
//! Every canvas is a JSON file in the shape `POST /v1/canvases` takes, with `{{dataset:key}}` where the id of a dataset belongs.
//! Sources, licences and every change made to the data are in `data/SOURCES.md`.

#[cfg(test)]
mod tests;

use serde_json::Value;
use uuid::Uuid;

/// A canvas to create, and the datasets it needs first.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Its name on the canvas list.
    pub name: &'static str,
    /// Datasets to ingest, in the order the picker should show them last to first.
    pub datasets: &'static [SampleDataset],
    template: &'static str,
}

/// A file bundled with the binary.
#[derive(Debug, Clone, Copy)]
pub struct SampleDataset {
    /// What the canvas calls it; unique within its sample.
    pub key: &'static str,
    /// Its name in the dataset picker.
    pub name: &'static str,
    /// `text/csv` or `application/json`.
    pub media_type: &'static str,
    /// The file.
    pub bytes: &'static [u8],
    /// Who made it, and where to find the original.
    pub source: &'static str,
    /// Under which terms it is bundled.
    pub licence: &'static str,
}

/// Why a template gave no canvas. Both are mistakes of this build.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The template is not JSON.
    #[error("the sample canvas is not JSON: {0}")]
    Template(#[from] serde_json::Error),
    /// The template names a dataset that was not ingested.
    #[error("the sample canvas names the dataset {0}, which its sample does not have")]
    UnknownDataset(String),
}

impl Sample {
    /// The canvas in the shape of `POST /v1/canvases`, with the ids of the ingested datasets in place.
    ///
    /// # Errors
    /// [`SampleError`].
    pub fn canvas(&self, dataset_id: &dyn Fn(&str) -> Option<Uuid>) -> Result<Value, SampleError> {
        let mut canvas = serde_json::from_str(self.template)?;
        fill(&mut canvas, dataset_id)?;
        Ok(canvas)
    }
}

fn fill(value: &mut Value, dataset_id: &dyn Fn(&str) -> Option<Uuid>) -> Result<(), SampleError> {
    match value {
        Value::String(text) => {
            // Only a string that is nothing else: narratives have `{{metric:…}}` of their own.
            if let Some(key) = text.strip_prefix("{{dataset:").and_then(|rest| rest.strip_suffix("}}")) {
                let id = dataset_id(key).ok_or_else(|| SampleError::UnknownDataset(key.to_owned()))?;
                *text = id.to_string();
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill(item, dataset_id)),
        Value::Object(fields) => fields.values_mut().try_for_each(|field| fill(field, dataset_id)),
        _ => Ok(()),
    }
}

const CSV: &str = "text/csv";
const JSON: &str = "application/json";
const US_PUBLIC_DOMAIN: &str = "Public domain (work of the U.S. Government)";

/// The samples, the one to open first last: a list of canvases shows the newest first.
pub fn samples() -> [Sample; 6] {
    [
        Sample {
            name: "Q4 Sales Analysis",
            datasets: &[
                SampleDataset {
                    key: "sales_by_product",
                    name: "Sales by product, Q4 2024 (illustrative)",
                    media_type: CSV,
                    bytes: include_bytes!("data/sales_by_product_q4_2024.csv"),
                    source: "Made up for this sample; sums of the file beside it",
                    licence: "CC0 1.0",
                },
                SampleDataset {
                    key: "sales",
                    name: "Sales, Q3 and Q4 2024 (illustrative)",
                    media_type: CSV,
                    bytes: include_bytes!("data/sales_q4_2024.csv"),
                    source: "Made up for this sample",
                    licence: "CC0 1.0",
                },
            ],
            template: include_str!("q4_sales.json"),
        },
        Sample {
            name: "Palmer penguins",
            datasets: &[SampleDataset {
                key: "penguins",
                name: "Palmer penguins",
                media_type: JSON,
                bytes: include_bytes!("data/penguins.json"),
                source: "Dr. Kristen Gorman and the Palmer Station LTER; Allison Horst, https://github.com/allisonhorst/palmerpenguins (by way of vega-datasets)",
                licence: "CC0 1.0",
            }],
            template: include_str!("penguins.json"),
        },
        Sample {
            name: "Carbon dioxide and temperature",
            datasets: &[
                SampleDataset {
                    key: "co2",
                    name: "CO₂ at Mauna Loa, monthly",
                    media_type: CSV,
                    bytes: include_bytes!("data/co2_concentration.csv"),
                    source: "Scripps CO₂ Program, Scripps Institution of Oceanography, https://scrippsco2.ucsd.edu (by way of vega-datasets)",
                    licence: "CC BY 4.0",
                },
                SampleDataset {
                    key: "temperature",
                    name: "Global temperature, yearly",
                    media_type: CSV,
                    bytes: include_bytes!("data/global_temperature.csv"),
                    source: "NASA Goddard Institute for Space Studies, GISTEMP, https://data.giss.nasa.gov/gistemp/ (by way of vega-datasets; column `decade` added)",
                    licence: US_PUBLIC_DOMAIN,
                },
                SampleDataset {
                    key: "together",
                    name: "CO₂ and temperature, yearly",
                    media_type: CSV,
                    bytes: include_bytes!("data/co2_and_temperature.csv"),
                    source: "Joined from the two files beside it: yearly means of Scripps CO₂ Program data, NASA GISTEMP",
                    licence: "CC BY 4.0",
                },
            ],
            template: include_str!("climate.json"),
        },
        Sample {
            name: "Seattle weather",
            datasets: &[
                SampleDataset {
                    key: "weather",
                    name: "Seattle weather, daily 2012–2015",
                    media_type: CSV,
                    bytes: include_bytes!("data/seattle_weather.csv"),
                    source: "NOAA National Climatic Data Center, https://www.ncdc.noaa.gov/cdo-web/datatools/records (by way of vega-datasets; columns `year` and `month` added)",
                    licence: US_PUBLIC_DOMAIN,
                },
                SampleDataset {
                    key: "normals",
                    name: "Seattle hourly normals 1981–2010",
                    media_type: CSV,
                    bytes: include_bytes!("data/seattle_hourly_normals.csv"),
                    source: "NOAA National Climatic Data Center, https://www.ncdc.noaa.gov/cdo-web/datatools/normals (by way of vega-datasets; columns `month` and `hour` added)",
                    licence: US_PUBLIC_DOMAIN,
                },
            ],
            template: include_str!("seattle_weather.json"),
        },
        Sample {
            name: "Fifty years of longer lives",
            datasets: &[SampleDataset {
                key: "life",
                name: "Life expectancy, 62 countries 1955–2005",
                media_type: CSV,
                bytes: include_bytes!("data/life_expectancy.csv"),
                source: "Gapminder Foundation, https://www.gapminder.org/data/ (by way of vega-datasets; numbers of `cluster` replaced by the names of the regions)",
                licence: "CC BY 4.0",
            }],
            template: include_str!("life_expectancy.json"),
        },
        Sample {
            name: "Eight years of American jobs",
            datasets: &[
                SampleDataset {
                    key: "turn",
                    name: "US jobs by sector, three moments",
                    media_type: CSV,
                    bytes: include_bytes!("data/us_jobs_turn.csv"),
                    source: "U.S. Bureau of Labor Statistics, Current Employment Statistics, https://www.bls.gov/ces/ (by way of vega-datasets; three months of the file beside it, and the change between them in percent)",
                    licence: US_PUBLIC_DOMAIN,
                },
                SampleDataset {
                    key: "sectors",
                    name: "US jobs by sector, monthly 2006–2015",
                    media_type: CSV,
                    bytes: include_bytes!("data/us_jobs_by_sector.csv"),
                    source: "U.S. Bureau of Labor Statistics, Current Employment Statistics, https://www.bls.gov/ces/ (by way of vega-datasets; thousands written out, column `sector` made of its columns)",
                    licence: US_PUBLIC_DOMAIN,
                },
                SampleDataset {
                    key: "jobs",
                    name: "US jobs, monthly 2006–2015",
                    media_type: CSV,
                    bytes: include_bytes!("data/us_jobs.csv"),
                    source: "U.S. Bureau of Labor Statistics, Current Employment Statistics, https://www.bls.gov/ces/ (by way of vega-datasets; thousands written out, column `direction` added)",
                    licence: US_PUBLIC_DOMAIN,
                },
            ],
            template: include_str!("us_jobs.json"),
        },
    ]
}
