//! `[DOC-1]` `[SEED-1]` The canvas there and back, its limits, and documents that nobody meant.

use serde_json::{Value, json};
use uuid::Uuid;
use yrs::updates::decoder::Decode as _;
use yrs::{Any, Doc, GetString as _, In, Map as _, MapPrelim, MapRef, OffsetKind, Options, Out, ReadTxn as _};
use yrs::{StateVector, Text as _, TextPrelim, TextRef, Transact as _, Update, WriteTxn as _};

use super::*;
use crate::protocol::{WireLimits, check_sync_update, check_update};

const ID: Uuid = Uuid::from_u128(0x0197_5a1c_0000_7000_8000_0000_0000_0001);

fn doc() -> Doc {
    Doc::with_options(Options { offset_kind: OffsetKind::Utf16, ..Options::default() })
}

fn apply(doc: &Doc, update: &[u8]) {
    doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
}

fn state(doc: &Doc) -> Vec<u8> {
    doc.transact().encode_state_as_update_v1(&StateVector::default())
}

/// The document of a canvas, through the check every client's copy of it will pass.
fn document(canvas: &CanvasJson) -> Doc {
    let update = seed_update(ID, canvas);
    check_sync_update(&update, &WireLimits::default()).unwrap();
    let doc = doc();
    apply(&doc, &update);
    doc
}

fn import(value: &Value) -> Result<CanvasJson, ImportError> {
    parse_import(value, &CanvasLimits::default())
}

fn there_and_back(value: &Value) -> CanvasJson {
    materialise(&document(&import(value).unwrap()).transact())
}

/// The example canvas of the data model, whole, with dates as strings.
fn seed() -> Value {
    json!({
        "_id": "65a5", "project_id": "uuid", "name": "Q4 Sales Analysis",
        "description": "Analysis of Q4 2024 sales performance", "owner_id": "uuid", "version": 1,
        "layout": {
            "type": "grid", "columns": 12, "rowHeight": 50,
            "breakpoints": { "lg": 1200, "md": 996, "sm": 768, "xs": 480 }
        },
        "blocks": [
            {
                "id": "block_1", "type": "chart", "position": { "x": 0, "y": 0, "w": 6, "h": 4 },
                "content": {
                    "chart_type": "bar", "title": "Sales by Region",
                    "data_source": { "type": "query", "query_id": "uuid", "parameters": {} },
                    "config": {
                        "x_axis": "region", "y_axis": "total_sales", "color": "product_category",
                        "aggregation": "sum"
                    },
                    "style": { "theme": "light", "colors": ["#1f77b4", "#ff7f0e", "#2ca02c"] }
                },
                "metadata": {
                    "created_by": "uuid", "created_at": "2024-01-15T10:30:00Z",
                    "last_modified_by": "uuid", "last_modified_at": "2024-01-15T14:20:00Z"
                }
            },
            {
                "id": "block_2", "type": "narrative", "position": { "x": 6, "y": 0, "w": 6, "h": 4 },
                "content": {
                    "text": "## Key Insights\n\nSales in Q4 increased by {{metric:25.3}}% compared to Q3...",
                    "data_bindings": [{
                        "key": "metric:25.3", "source": "block_1", "calculation": "percentage_change",
                        "value": 25.3
                    }]
                }
            },
            {
                "id": "block_3", "type": "table", "position": { "x": 0, "y": 4, "w": 12, "h": 6 },
                "content": {
                    "title": "Detailed Sales Breakdown",
                    "data_source": { "type": "query", "query_id": "uuid" },
                    "columns": [
                        { "field": "product", "header": "Product", "type": "string" },
                        { "field": "q4_sales", "header": "Q4 Sales", "type": "currency" },
                        { "field": "growth", "header": "Growth %", "type": "percentage" }
                    ],
                    "pagination": { "enabled": true, "pageSize": 20 },
                    "sorting": { "enabled": true, "defaultSort": "q4_sales" },
                    "filtering": { "enabled": true }
                }
            }
        ],
        "sharing": { "visibility": "private", "permissions": [{ "user_id": "uuid", "role": "editor" }] },
        "interactions": { "views": 145, "comments_count": 12 },
        "metadata": {
            "tags": ["sales", "q4", "regional"], "created_at": "2024-01-01T10:00:00Z",
            "updated_at": "2024-01-15T14:20:00Z", "version_history": [{ "version": 1 }]
        }
    })
}

#[expect(clippy::needless_pass_by_value, reason = "every caller makes the fields in place")]
fn block_with(fields: Value) -> Value {
    let mut block = json!({ "id": "b", "type": "chart", "position": { "x": 0, "y": 0, "w": 6, "h": 4 } });
    block.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({ "name": "c", "blocks": [block] })
}

#[test]
fn doc_1_the_canvas_of_the_data_model_round_trips_field_by_field() {
    let seed = seed();
    let canvas = there_and_back(&seed);
    assert_eq!(canvas.name, seed["name"]);
    assert_eq!(canvas.description, seed["description"]);
    assert_eq!(canvas.layout, seed["layout"]);
    assert_eq!(canvas.tags, ["q4", "regional", "sales"], "a set, sorted");
    let mut expected = seed["blocks"].clone();
    // The server's record, not the document's.
    for field in ["last_modified_by", "last_modified_at"] {
        expected[0]["metadata"].as_object_mut().unwrap().remove(field);
    }
    let blocks = serde_json::to_value(&canvas.blocks).unwrap();
    for (got, expected) in blocks.as_array().unwrap().iter().zip(expected.as_array().unwrap()) {
        assert_eq!(got, expected);
    }
    assert_eq!(canvas.blocks.len(), 3);
}

#[test]
fn doc_1_an_export_imports_as_the_same_canvas() {
    let canvas = there_and_back(&seed());
    let export = json!({
        "name": canvas.name, "description": canvas.description, "layout": canvas.layout,
        "blocks": canvas.blocks, "metadata": { "tags": canvas.tags },
    });
    assert_eq!(there_and_back(&export), canvas);
    assert_eq!(there_and_back(&serde_json::to_value(&canvas).unwrap()), canvas);
}

#[test]
fn doc_1_the_document_has_the_shape_that_clients_edit() {
    let doc = document(&import(&seed()).unwrap());
    let txn = doc.transact();
    let blocks = txn.get_map("blocks").unwrap();
    let inside = |out: Option<Out>, key: &str| match out {
        Some(Out::YMap(map)) => map.get(&txn, key),
        other => panic!("{key}: {other:?}"),
    };
    let leaf = |numbers: &[i64]| Some(Out::Any(Any::from(numbers.iter().map(|n| Any::from(*n)).collect::<Vec<_>>())));
    assert_eq!(inside(blocks.get(&txn, "block_3"), "at"), leaf(&[0, 4]));
    assert_eq!(inside(blocks.get(&txn, "block_3"), "size"), leaf(&[12, 6]));
    assert_eq!(inside(blocks.get(&txn, "block_3"), "position"), None);
    let narrative = inside(blocks.get(&txn, "block_2"), "content");
    assert!(matches!(inside(narrative.clone(), "text"), Some(Out::YText(_))));
    let bindings = inside(narrative, "data_bindings");
    assert!(matches!(inside(bindings, "metric:25.3"), Some(Out::YMap(_))));
    let columns = inside(inside(blocks.get(&txn, "block_3"), "content"), "columns");
    assert_eq!(inside(inside(columns, "q4_sales"), "order"), Some(Out::Any(Any::from("a1"))));
    let canvas = txn.get_map("canvas").unwrap();
    assert_eq!(canvas.get(&txn, "schema"), Some(Out::Any(Any::from(1_i64))));
    assert_eq!(inside(canvas.get(&txn, "tags"), "q4"), Some(Out::Any(Any::from(true))));
}

#[test]
fn doc_2_what_belongs_to_the_server_is_not_in_the_document() {
    let doc = document(&import(&seed()).unwrap());
    let txn = doc.transact();
    let mut roots: Vec<&str> = txn.root_refs().map(|(name, _)| name).collect();
    roots.sort_unstable();
    assert_eq!(roots, ["blocks", "canvas"]);
    let mut fields: Vec<String> = txn.get_map("canvas").unwrap().keys(&txn).map(str::to_owned).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["description", "layout", "name", "schema", "tags"]);
}

#[test]
fn seed_1_making_or_applying_a_seed_again_changes_nothing() {
    let canvas = import(&seed()).unwrap();
    let doc = document(&canvas);
    let (before, vector) = (materialise(&doc.transact()), doc.transact().state_vector());
    for _ in 0..5 {
        let again = seed_update(ID, &canvas);
        assert_eq!(again.len(), seed_update(ID, &canvas).len());
        apply(&doc, &again);
        assert_eq!(doc.transact().state_vector(), vector);
        assert_eq!(materialise(&doc.transact()), before);
    }
    let elsewhere = self::doc();
    apply(&elsewhere, &seed_update(Uuid::from_u128(7), &canvas));
    assert_ne!(elsewhere.transact().state_vector(), vector, "another canvas, another client id");
}

/// What people did to the canvas since then stays, also when the seed comes again.
#[test]
fn seed_1_a_seed_applied_after_edits_undoes_none() {
    let canvas = import(&seed()).unwrap();
    let doc = document(&canvas);
    {
        let mut txn = doc.transact_mut();
        let blocks = txn.get_or_insert_map("blocks");
        blocks.remove(&mut txn, "block_3");
        rename(&mut txn, Some("Renamed"), None);
    }
    apply(&doc, &seed_update(ID, &canvas));
    let now = materialise(&doc.transact());
    assert_eq!((now.name.as_str(), now.blocks.len()), ("Renamed", 2));
}

#[test]
fn seed_1_the_same_canvas_is_the_same_bytes_while_no_leaf_holds_objects() {
    let canvas = import(&seed()).unwrap();
    assert_eq!(seed_update(ID, &canvas), seed_update(ID, &canvas));
}

#[test]
fn doc_1_what_this_version_does_not_know_survives() {
    let value = json!({
        "name": "c",
        "layout": { "type": "grid", "columns": 12, "rowHeight": 50, "gap": { "x": 4 }, "breakpoints": { "lg": 1 } },
        "blocks": [{
            "id": "map-1", "type": "map", "position": { "x": 1, "y": 2, "w": 3, "h": 4 }, "locked": true,
            "placements": { "sm": { "x": 0, "y": 9, "w": 6, "h": 4 } },
            "content": {
                "text": "a leaf here", "columns": ["a", "b"], "layers": [{ "id": 1, "on": true }, [2, [3.5, null]]],
                "camera": { "zoom": 2.25, "at": { "lat": -1, "lon": 0 } }, "nothing": null, "big": 9_007_199_254_740_991_i64
            },
            "metadata": { "created_by": "u", "source": { "kind": "import" } },
            "collapsed": true, "note": null, "links": [{ "to": "x" }], "theme": { "name": "dark" }
        }]
    });
    let canvas = there_and_back(&value);
    assert_eq!(serde_json::to_value(&canvas.blocks).unwrap(), value["blocks"]);
    assert_eq!(canvas.layout, value["layout"]);
}

#[test]
fn doc_1_integers_stay_integers() {
    let value = block_with(json!({ "content": {
        "zero": 0, "one": 1.0, "negative": -7, "half": 0.5, "large": 1e15, "huge": 1e300,
        "beyond": 9_007_199_254_740_993_i64, "list": [1, 2.0, 2.5]
    }}));
    let content = there_and_back(&value).blocks.remove(0).content;
    let printed = |key: &str| content[key].to_string();
    assert_eq!((printed("zero"), printed("one"), printed("negative")), ("0".into(), "1".into(), "-7".into()));
    assert_eq!((printed("half"), printed("large")), ("0.5".into(), "1000000000000000".into()));
    assert_eq!((printed("huge"), printed("list")), ("1e+300".into(), "[1,2,2.5]".into()));
    assert_eq!(content["beyond"].as_f64(), Some(9_007_199_254_740_992.0), "as JavaScript would round it");
}

#[test]
fn doc_1_text_is_counted_in_utf_16_units() {
    let value = json!({ "name": "🦤 Ünï", "blocks": [{
        "id": "n", "type": "narrative", "position": { "x": 0, "y": 0, "w": 1, "h": 1 },
        "content": { "text": "a🦤b👩‍👩‍👧‍👦c" }
    }]});
    let doc = document(&import(&value).unwrap());
    {
        let txn = doc.transact();
        let Some(Out::YMap(block)) = txn.get_map("blocks").unwrap().get(&txn, "n") else { panic!() };
        let Some(Out::YMap(content)) = block.get(&txn, "content") else { panic!() };
        let text: TextRef = content.get(&txn, "text").unwrap().cast().unwrap();
        assert_eq!(text.len(&txn), 1 + 2 + 1 + 11 + 1);
        drop(txn);
        let mut txn = doc.transact_mut();
        text.insert(&mut txn, 3, "|");
        assert_eq!(text.get_string(&txn), "a🦤|b👩‍👩‍👧‍👦c");
    }
    let canvas = materialise(&doc.transact());
    assert_eq!(canvas.name, "🦤 Ünï");
    assert_eq!(canvas.blocks[0].content["text"], "a🦤|b👩‍👩‍👧‍👦c");
}

#[test]
fn doc_1_blocks_are_sorted_by_row_column_and_id() {
    let at =
        |id: &str, x: i64, y: i64| json!({ "id": id, "type": "chart", "position": { "x": x, "y": y, "w": 1, "h": 1 } });
    let value = json!({ "name": "c", "blocks": [at("d", 0, 9), at("c", 3, 0), at("b", 1, 0), at("a", 1, 0)] });
    let ids: Vec<String> = there_and_back(&value).blocks.into_iter().map(|block| block.id).collect();
    assert_eq!(ids, ["a", "b", "c", "d"]);
}

#[test]
fn doc_1_columns_keep_their_order_past_62() {
    let columns: Vec<Value> = (0..200).map(|i| json!({ "field": format!("f{}", 199 - i), "header": "h" })).collect();
    let value = json!({ "name": "c", "blocks": [{
        "id": "t", "type": "table", "position": { "x": 0, "y": 0, "w": 1, "h": 1 }, "content": { "columns": columns }
    }]});
    assert_eq!(there_and_back(&value).blocks[0].content["columns"], Value::from(columns));
}

#[test]
fn order_keys_are_those_of_fractional_indexing() {
    let keys: Vec<String> = (0..10_000).map(order::key).collect();
    assert!(keys.is_sorted_by(|a, b| a < b));
    assert_eq!([&keys[0], &keys[1], &keys[10], &keys[61]], ["a0", "a1", "aA", "az"]);
    assert_eq!([&keys[62], &keys[63], &keys[62 + 3_843], &keys[62 + 3_844]], ["b00", "b01", "bzz", "c000"]);
}

/// Clients do not make what they share, so an empty narrative comes with its text.
#[test]
fn a_narrative_always_has_its_text() {
    let value =
        json!({ "blocks": [{ "id": "n", "type": "narrative", "position": { "x": 0, "y": 0, "w": 1, "h": 1 } }] });
    assert_eq!(there_and_back(&value).blocks[0].content["text"], "");
}

#[test]
fn rename_touches_only_what_differs() {
    let doc = document(&import(&seed()).unwrap());
    let before = state(&doc).len();
    rename(&mut doc.transact_mut(), Some("Q4 Sales Analysis"), None);
    assert_eq!(state(&doc).len(), before, "the same name is no edit");
    rename(&mut doc.transact_mut(), Some("New 🦤"), Some(""));
    let txn = doc.transact();
    assert_eq!(name_and_description(&txn), ("New 🦤".to_owned(), String::new()));
    assert_eq!(materialise(&txn).layout, default_layout());
    assert_eq!(block_count(&txn), 3);
}

#[test]
fn an_empty_document_is_an_empty_canvas() {
    let doc = doc();
    let canvas = materialise(&doc.transact());
    assert_eq!((canvas.name.as_str(), canvas.blocks.len(), canvas.tags.len()), ("", 0, 0));
    assert_eq!(canvas.layout, default_layout());
    assert_eq!(block_count(&doc.transact()), 0);
    assert_eq!(materialise(&document(&canvas).transact()), canvas);
}

// --- documents that nobody meant --------------------------------------------------------------------------

#[test]
fn doc_1_garbage_is_repaired_or_left_out() {
    let doc = doc();
    {
        let mut txn = doc.transact_mut();
        let canvas = txn.get_or_insert_map("canvas");
        canvas.insert(&mut txn, "name", vec![Any::from(1)]);
        canvas.insert(&mut txn, "description", TextPrelim::new("shared"));
        canvas.insert(&mut txn, "layout", "grid");
        canvas.insert(&mut txn, "tags", Any::from(7));
        let blocks = txn.get_or_insert_map("blocks");
        blocks.insert(&mut txn, "a leaf", "not a block");
        blocks.insert(&mut txn, "a text", TextPrelim::new("not a block"));
        blocks.insert(&mut txn, "empty", MapPrelim::default());
        let numbers = |numbers: &[f64]| Any::from(numbers.iter().map(|n| Any::from(*n)).collect::<Vec<_>>());
        let odd: MapRef = blocks.insert(&mut txn, "odd", MapPrelim::default());
        for (key, value) in [
            ("type", Any::from(1)),
            ("id", Any::from("other")),
            ("at", numbers(&[f64::NAN, 1.0])),
            ("size", numbers(&[1.0, 2.0, 3.0])),
            ("content", Any::from("text")),
            ("locked", Any::from("yes")),
            ("metadata", Any::Null),
            ("placements", Any::Undefined),
            ("infinite", numbers(&[f64::INFINITY])),
            ("bytes", Any::from(&[1_u8, 2, 3][..])),
        ] {
            odd.insert(&mut txn, key, value);
        }
        let far: MapRef = blocks.insert(&mut txn, "far", MapPrelim::default());
        far.insert(&mut txn, "type", "table");
        far.insert(&mut txn, "at", numbers(&[-5.0, 1e300]));
        far.insert(&mut txn, "size", numbers(&[0.0, 2.9]));
        let content: MapRef = far.insert(&mut txn, "content", MapPrelim::default());
        content.insert(&mut txn, "columns", MapPrelim::from([("not an object", In::from(1_i64))]));
    }
    let canvas = materialise(&doc.transact());
    assert_eq!((canvas.name.as_str(), canvas.description.as_str()), ("", "shared"));
    assert_eq!((canvas.layout, canvas.tags.len()), (default_layout(), 0));
    let ids: Vec<&str> = canvas.blocks.iter().map(|block| block.id.as_str()).collect();
    assert_eq!(ids, ["empty", "odd", "far"]);
    let position = Position { x: 0, y: 0, w: 6, h: 4 };
    assert_eq!((canvas.blocks[0].kind.as_str(), canvas.blocks[0].position), ("unknown", position));
    let odd = serde_json::to_value(&canvas.blocks[1]).unwrap();
    assert_eq!(
        odd,
        json!({
            "id": "odd", "type": "unknown", "position": position, "content": {}, "infinite": [null], "bytes": "AQID"
        })
    );
    assert_eq!(canvas.blocks[2].position, Position { x: 0, y: 100_000, w: 1, h: 2 });
    assert_eq!(canvas.blocks[2].content["columns"], json!([]));
}

/// Bytes of one client group of items, written by hand: (info, the rest).
fn items(client: u8, items: &[Vec<u8>]) -> Vec<u8> {
    let count = items.len();
    let mut update = vec![1, (count & 0x7f) as u8 | 0x80, (count >> 7 & 0x7f) as u8 | 0x80, (count >> 14) as u8];
    update.extend([client, 0]);
    update.extend(items.concat());
    update.push(0);
    check_update(&update, &WireLimits::default()).unwrap();
    update
}

fn varint(number: usize) -> Vec<u8> {
    vec![(number & 0x7f) as u8 | 0x80, (number >> 7 & 0x7f) as u8 | 0x80, (number >> 14) as u8]
}

/// yrs's own iterator of a map recurses over entries without a value, 50,000 of which end the stack.
#[test]
fn lim_2_formats_under_keys_do_not_end_the_stack() {
    let format = |i: usize| {
        let key = format!("{i:05}");
        [&[0x26, 1, 6][..], b"blocks", &[5], key.as_bytes(), &[1, b'b', 1, b'1']].concat()
    };
    let doc = doc();
    apply(&doc, &items(5, &(0..50_000).map(format).collect::<Vec<_>>()));
    assert_eq!(materialise(&doc.transact()).blocks, []);
}

/// yrs's own iterator of an array never ends on a character of two UTF-16 units.
#[test]
fn lim_2_text_in_an_array_does_not_loop_for_ever() {
    let array = [&[0x27, 1, 6][..], b"canvas", &[6], b"layout", &[1]].concat();
    let nested = [&[0x27, 0, 5, 0, 1, b'k', 0][..]].concat();
    let text = [&[0x04, 0, 5, 1, 4][..], "🦤".as_bytes()].concat();
    let doc = doc();
    apply(&doc, &items(5, &[array, nested, text]));
    assert_eq!(materialise(&doc.transact()).layout, json!({ "k": "🦤" }));
}

#[test]
fn doc_1_a_shared_array_reads_as_an_array() {
    let doc = doc();
    {
        let mut txn = doc.transact_mut();
        let blocks = txn.get_or_insert_map("blocks");
        let block: MapRef = blocks.insert(&mut txn, "b", MapPrelim::default());
        block.insert(
            &mut txn,
            "list",
            yrs::ArrayPrelim::from([In::from(1_i64), In::from("🦤"), In::Map(MapPrelim::default())]),
        );
    }
    assert_eq!(materialise(&doc.transact()).blocks[0].extra["list"], json!([1, "🦤", {}]));
}

/// A chain of maps over many messages, each of which the wire's check lets through.
#[test]
fn lim_2_types_nested_over_many_messages_are_refused_before_yrs_recurses() {
    let doc = doc();
    let mut depth = TypeDepth::default();
    let refusal = (0..).find_map(|message| {
        let update = chain_of_maps(message * 60, 60);
        let summary = check_update(&update, &WireLimits::default()).unwrap();
        let admitted = depth.admit(summary.nesting, &doc.transact());
        if admitted.is_ok() {
            apply(&doc, &update);
        }
        admitted.err()
    });
    assert_eq!(refusal.unwrap().close(), crate::protocol::Close::TooLarge);
    let reached = type_depth(&doc.transact());
    assert!(reached > 400 && reached <= MAX_TYPE_DEPTH, "{reached}");
    // Reading stops at its own depth, and deleting the outermost survives.
    materialise(&doc.transact());
    let mut txn = doc.transact_mut();
    let canvas = txn.get_or_insert_map("canvas");
    canvas.remove(&mut txn, "layout");
}

/// Maps inside each other, under `canvas.layout`: those numbered from `first` on.
fn chain_of_maps(first: usize, levels: usize) -> Vec<u8> {
    let mut update = [vec![1], varint(levels), vec![5], varint(first)].concat();
    for level in first..first + levels {
        update.extend(match level {
            0 => [&[0x27, 1, 6][..], b"canvas", &[6], b"layout", &[1]].concat(),
            _ => [vec![0x27, 0, 5], varint(level - 1), vec![1, b'k', 1]].concat(),
        });
    }
    update.push(0);
    update
}

#[test]
fn an_ordinary_canvas_never_meets_the_depth_limit() {
    let doc = document(&import(&seed()).unwrap());
    assert_eq!(type_depth(&doc.transact()), 5, "blocks, block, content, data source, parameters");
    let mut depth = TypeDepth::default();
    for i in 0..300 {
        // The bound of a new chart, as the wire would say it.
        depth.admit(6, &doc.transact()).unwrap();
        let mut txn = doc.transact_mut();
        let blocks = txn.get_or_insert_map("blocks");
        blocks.insert(&mut txn, format!("new {i}"), MapPrelim::from([("content", In::Map(MapPrelim::default()))]));
    }
}

// --- what import refuses ----------------------------------------------------------------------------------

#[test]
fn lim_1_an_import_names_the_field_and_what_to_do() {
    let many: Vec<Value> = (0..1_001).map(|_| json!({})).collect();
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    let at = |field: &str, value: Value| {
        let mut position = json!({ "x": 0, "y": 0, "w": 1, "h": 1 });
        position[field] = value;
        block_with(json!({ "position": position }))
    };
    let twice = json!({ "blocks": [
        { "id": "a", "type": "chart", "position": { "x": 0, "y": 0, "w": 1, "h": 1 } },
        { "id": "a", "type": "chart", "position": { "x": 0, "y": 0, "w": 1, "h": 1 } },
    ]});
    let columns = |columns: Value| block_with(json!({ "type": "table", "content": { "columns": columns } }));
    for (value, message) in [
        (json!([]), "`canvas` must be an object, not an array"),
        (json!({ "name": 5 }), "`name` must be a string, not 5"),
        (json!({ "name": "x".repeat(201) }), "`name` must be at most 200 characters long, not 201"),
        (json!({ "blocks": {} }), "`blocks` must be an array of blocks, not an object"),
        (json!({ "blocks": many }), "`blocks` must have at most 1000 blocks, not 1001; split it into several canvases"),
        (json!({ "blocks": [1] }), "`blocks[0]` must be an object, not 1"),
        (json!({ "blocks": [{}] }), "`blocks[0].id` is missing: it must be a string"),
        (block_with(json!({ "id": "" })), "`blocks[0].id` must not be empty"),
        (block_with(json!({ "type": null })), "`blocks[0].type` must be a string, not null"),
        (block_with(json!({ "position": 1 })), "`blocks[0].position` must be an object, not 1"),
        (at("w", json!(0)), "`blocks[0].position.w` must be a whole number from 1 to 12, not 0"),
        (at("w", json!(13)), "`blocks[0].position.w` must be a whole number from 1 to 12, not 13"),
        (at("x", json!(1.5)), "`blocks[0].position.x` must be a whole number from 0 to 11, not 1.5"),
        (at("y", json!(-1)), "`blocks[0].position.y` must be a whole number from 0 to 100000, not -1"),
        (at("h", json!("4")), "`blocks[0].position.h` must be a whole number from 1 to 1000, not \"4\""),
        (twice, "`blocks[1].id` is \"a\", which another block has; ids must differ"),
        (block_with(json!({ "content": [] })), "`blocks[0].content` must be an object, not an array"),
        (block_with(json!({ "locked": 1 })), "`blocks[0].locked` must be true or false, not 1"),
        (
            block_with(json!({ "type": "narrative", "content": { "text": 5 } })),
            "`blocks[0].content.text` must be a string, not 5",
        ),
        (columns(json!({})), "`blocks[0].content.columns` must be an array of objects, not an object"),
        (columns(json!([{}])), "`blocks[0].content.columns[0].field` must be a string that names the item"),
        (
            columns(json!([{ "field": "a" }, { "field": "a" }])),
            "`blocks[0].content.columns[1].field` is \"a\", which another item has; they must differ",
        ),
        (json!({ "metadata": { "tags": ["a", 1] } }), "`metadata.tags[1]` must be a string, not 1"),
        (json!({ "tags": [""] }), "`tags[0]` must not be empty"),
        (json!({ "layout": { "columns": 0 } }), "`layout.columns` must be a whole number from 1 to 48, not 0"),
        (
            json!({ "layout": { "breakpoints": { "lg": "wide" } } }),
            "`layout.breakpoints.lg` must be a whole number from 0 to 100000, not \"wide\"",
        ),
    ] {
        assert_eq!(import(&value).map_err(|error| error.to_string()), Err(message.to_owned()));
    }
    let problem = |value: Value| import(&value).unwrap_err().to_string();
    assert!(
        problem(block_with(json!({ "content": { "deep": deep } })))
            .ends_with("is nested deeper than 32 levels; flatten it")
    );
    let long = problem(block_with(json!({ "content": { "title": "x".repeat(300_000) } })));
    assert_eq!(long, "`blocks[0].content.title` must be at most 262144 bytes long, not 300000");
    let key = problem(block_with(json!({ "content": { "k".repeat(200): 1 } })));
    assert_eq!(
        key,
        "`blocks[0].content` has a field name that is too long: it must be at most 128 characters long, not 200"
    );
}

#[test]
fn lim_1_an_import_is_bounded_as_a_whole() {
    let limits = CanvasLimits { values: 50, total_bytes: 100, ..CanvasLimits::default() };
    let problem =
        |content: Value| parse_import(&block_with(json!({ "content": content })), &limits).unwrap_err().problem;
    assert!(problem(json!({ "list": vec![0; 60] })).starts_with("is one value too many: a canvas holds at most 50"));
    assert!(problem(json!({ "a": "x".repeat(99), "b": "xxx" })).starts_with("takes the canvas over 100 bytes"));
}

#[test]
fn lim_1_names_are_checked_by_characters() {
    let limits = CanvasLimits::default();
    assert_eq!(check_name("  Sales ", &limits), Ok("Sales"));
    assert_eq!(check_name(&"🦤".repeat(200), &limits), Ok("🦤".repeat(200).as_str()));
    assert_eq!(check_name(&"x".repeat(201), &limits).unwrap_err().path, "name");
    assert!(check_name("   ", &limits).is_err());
    assert!(check_description(&"x".repeat(2_001), &limits).is_err() && check_description("", &limits).is_ok());
}

#[test]
fn lim_1_of_a_canvas_made_of_bindings_only_the_first_are_read_and_no_name_is_repeated_at_length() {
    let narrative = |id: &str, keys: std::ops::Range<usize>| {
        let bindings =
            keys.map(|key| json!({ "key": format!("{key:05}"), "source": "c", "calculation": "x".repeat(5_000) }));
        json!({ "id": id, "type": "narrative", "position": { "x": 0, "y": 0, "w": 1, "h": 1 },
            "content": { "text": "", "data_bindings": bindings.collect::<Vec<_>>() } })
    };
    let limits = CanvasLimits { key_chars: 1 << 20, total_bytes: 1 << 30, ..CanvasLimits::default() };
    let canvas = json!({ "blocks": [
        narrative("b", 0..3_000), narrative(&"a".repeat(100_000), 0..100), narrative("a", 0..100),
    ] });
    let doc = document(&parse_import(&canvas, &limits).unwrap());
    let read = super::bindings(&doc.transact());
    let names: Vec<_> = read.iter().map(|one| (one.narrative.as_str(), one.key.as_str())).collect();
    assert_eq!((names.len(), names[0], names[99]), (super::MAX_BINDINGS, ("a", "00000"), ("a", "00099")));
    assert_eq!((names[100], names[999]), (("b", "00000"), ("b", "00899")));
    assert!(read.iter().all(|one| one.calculation.len() == 1_024));
}
