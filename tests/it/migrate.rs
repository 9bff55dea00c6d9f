//! `jabiru migrate` and what a start does with migrations: applied once, in order, under a lock; a changed or missing one is refused by name.

use std::process::{Output, Stdio};

use reqwest::{Method, StatusCode};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use crate::support::server::SECRET;
use crate::support::{TestServer, within};

const ALL: [&str; 6] =
    ["0001_kernel", "0002_datasets", "0003_canvas_marks", "0004_images", "0005_events", "0006_sessions"];

fn jabiru(folder: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jabiru"));
    command.args(args).arg("--data-dir").arg(folder.path()).env_remove("JABIRU_MONGODB_URL").kill_on_drop(true);
    command
}

async fn run(folder: &TempDir, args: &[&str]) -> Output {
    within("the command", jabiru(folder, args).output()).await.unwrap()
}

async fn good(folder: &TempDir, args: &[&str]) -> String {
    let output = run(folder, args).await;
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs what must fail; what it said.
async fn bad(folder: &TempDir, args: &[&str]) -> String {
    let output = run(folder, args).await;
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

/// The names in one state, as `jabiru migrate status` lists them.
async fn in_state(folder: &TempDir, state: &str) -> Vec<String> {
    let listed = String::from_utf8(run(folder, &["migrate", "status"]).await.stdout).unwrap();
    let fields = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    fields.filter(|fields| fields[..2] == ["sqlite", state]).map(|fields| fields[2].to_owned()).collect()
}

fn database(folder: &TempDir) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.path().join("jabiru.db")).unwrap()
}

const SERVE: [&str; 6] = ["serve", "--listen", "127.0.0.1:0", "--no-samples", "--secret", SECRET];

#[tokio::test]
async fn looking_changes_nothing_and_up_applies_all_once() {
    let folder = TempDir::new().unwrap();
    assert_eq!(in_state(&folder, "pending").await, ALL);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "status made a file");
    assert_eq!(good(&folder, &["migrate", "up"]).await.trim(), format!("sqlite: applied {}", ALL.join(", ")));
    assert_eq!(in_state(&folder, "applied").await, ALL);
    assert_eq!(good(&folder, &["migrate", "up"]).await.trim(), "sqlite: nothing to apply");
}

#[tokio::test]
async fn processes_that_migrate_at_once_apply_each_step_once() {
    for _ in 0..5 {
        let folder = TempDir::new().unwrap();
        let all = futures_util::future::join_all((0..4).map(|_| good(&folder, &["migrate", "up"]))).await.concat();
        for name in ALL {
            assert_eq!(all.matches(name).count(), 1, "{all}");
        }
        assert_eq!(in_state(&folder, "applied").await, ALL);
    }
}

#[tokio::test]
async fn of_two_servers_that_start_on_one_folder_one_serves_and_one_says_why_not() {
    let folder = TempDir::new().unwrap();
    let mut servers: Vec<_> = (0..2)
        .map(|_| jabiru(&folder, &SERVE).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    let mut serving = 0;
    for server in &mut servers {
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        if within("a first line, or the end", lines.next_line()).await.unwrap().is_some() {
            serving += 1;
        } else {
            let mut said = String::new();
            server.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
            assert!(said.contains("another Jabiru is running on this folder"), "{said}");
        }
    }
    assert_eq!(serving, 1);
}

#[tokio::test]
async fn a_changed_or_missing_migration_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    good(&folder, &["migrate", "up"]).await;
    let change = "update schema_migrations set checksum = 'other' where name = '0003_canvas_marks'";
    database(&folder).execute(change, []).unwrap();
    assert_eq!(in_state(&folder, "changed").await, ["0003_canvas_marks"]);
    for args in [&SERVE[..], &["migrate", "up"], &["migrate", "down", "--to", "0001_kernel"]] {
        let said = bad(&folder, args).await;
        assert!(said.contains("`0003_canvas_marks`") && said.contains("another text"), "{said}");
    }
    let said = bad(&folder, &["migrate", "status"]).await;
    assert!(said.contains("keeps the server from starting"), "{said}");

    let folder = TempDir::new().unwrap();
    good(&folder, &["migrate", "up"]).await;
    database(&folder).execute("insert into schema_migrations values ('0999_later', 'x')", []).unwrap();
    assert_eq!(in_state(&folder, "missing").await, ["0999_later"]);
    for args in [&SERVE[..], &["migrate", "up"], &["migrate", "down", "--to", ""]] {
        let said = bad(&folder, args).await;
        assert!(said.contains("`0999_later`") && said.contains("does not have it"), "{said}");
    }
    assert_eq!(in_state(&folder, "applied").await, ALL, "something was undone");
}

#[tokio::test]
async fn what_is_undone_can_be_applied_again_and_the_rest_is_kept() {
    let mut server = TestServer::start().await;
    let canvas = server.create("Kept").await;
    let folder = std::sync::Arc::clone(&server.folder);
    let said = bad(&folder, &["migrate", "down", "--to", "0001_kernel"]).await;
    assert!(said.contains("only while no server runs") && said.contains("another Jabiru is running"), "{said}");
    server.stop().await.unwrap();

    let said = bad(&folder, &["migrate", "down", "--to", "0002_images"]).await;
    assert!(said.contains("no applied migration `0002_images`"), "{said}");
    let undone = good(&folder, &["migrate", "down", "--to", "0001_kernel"]).await;
    let backwards: Vec<_> = ALL[1..].iter().rev().copied().collect();
    assert_eq!(undone.trim(), format!("sqlite: undid {}", backwards.join(", ")));
    assert_eq!(in_state(&folder, "applied").await, ["0001_kernel"]);
    assert_eq!(good(&folder, &["migrate", "down", "--to", "0001_kernel"]).await.trim(), "sqlite: nothing to undo");

    // The next start applies them; everything works, and what the kernel holds is there.
    let server = server.restarted().await;
    assert_eq!(server.read(canvas).await["name"], "Kept");
    let response = server
        .request(Method::POST, "/v1/datasets?name=Sales", &server.owner())
        .header("content-type", "text/csv")
        .body("a,b\n1,2\n")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let (status, _) = server.call(Method::GET, "/v1/canvases?view=favourites", None).await;
    assert_eq!(status, StatusCode::OK);

    let mut server = server;
    server.stop().await.unwrap();
    let undone = good(&folder, &["migrate", "down", "--to", ""]).await;
    let backwards: Vec<_> = ALL.iter().rev().copied().collect();
    assert_eq!(undone.trim(), format!("sqlite: undid {}", backwards.join(", ")));
    good(&folder, &["migrate", "up"]).await;
    assert_eq!(in_state(&folder, "applied").await, ALL);
}
