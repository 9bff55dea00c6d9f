-- What one person keeps of a canvas: whether it is a favourite and when they last opened it. Never in the document: it is nobody else's.

create table canvas_marks (
    user_id      text    not null,          -- of the canvas's own organization; a token's `sub` has no row in users
    canvas_id    blob    not null references canvases (id) on delete cascade,
    favourite_at integer,                   -- when it was made one; null: it is none
    opened_at    integer,                   -- when they last opened it; null: never
    primary key (user_id, canvas_id)
) strict, without rowid;
create index canvas_marks_favourites on canvas_marks (user_id, favourite_at desc, canvas_id desc) where favourite_at is not null;
create index canvas_marks_opened on canvas_marks (user_id, opened_at desc, canvas_id desc) where opened_at is not null;
