-- Sessions of people who are not in `users` end.

create table sessions_of_users (
    token_hash blob primary key,
    user_id    text    not null references users (id),
    expires_at integer not null
) strict, without rowid;
insert into sessions_of_users select token_hash, user_id, expires_at from sessions where user_id in (select id from users);
drop table sessions;
alter table sessions_of_users rename to sessions;

create table login_links_of_users (
    token_hash blob primary key,
    user_id    text    not null references users (id),
    expires_at integer not null
) strict, without rowid;
insert into login_links_of_users select token_hash, user_id, expires_at from login_links where user_id in (select id from users);
drop table login_links;
alter table login_links_of_users rename to login_links;
