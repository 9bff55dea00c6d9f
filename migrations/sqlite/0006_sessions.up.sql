-- Sessions of people whose accounts may be in another database: `user_id` is no longer a row of `users` here, so nothing refers to it.

create table sessions_of_anybody (
    token_hash blob primary key,            -- SHA-256 of the cookie's value; the value itself is nowhere
    user_id    text    not null,
    expires_at integer not null
) strict, without rowid;
insert into sessions_of_anybody select token_hash, user_id, expires_at from sessions;
drop table sessions;
alter table sessions_of_anybody rename to sessions;

create table login_links_of_anybody (
    token_hash blob primary key,
    user_id    text    not null,
    expires_at integer not null
) strict, without rowid;
insert into login_links_of_anybody select token_hash, user_id, expires_at from login_links;
drop table login_links;
alter table login_links_of_anybody rename to login_links;
