"""The tables of the shop, and what it sells. Each step once, in order; a step and the note of it are one transaction."""
import psycopg2

STEPS = [
    "create table product (id serial primary key, name text not null unique, cents integer not null check (cents >= 0))",
    "insert into product (name, cents) values ('Teapot', 2490), ('Cup', 790), ('Sencha, 100 g', 1250)",
]

connection = psycopg2.connect("")
with connection, connection.cursor() as cursor:
    cursor.execute("create table if not exists migration (step integer primary key, at timestamptz not null default now())")
for number, statement in enumerate(STEPS, 1):
    with connection, connection.cursor() as cursor:
        cursor.execute("insert into migration (step) values (%s) on conflict do nothing", (number,))
        if cursor.rowcount == 1:
            cursor.execute(statement)
            print(f"step {number} is done")
connection.close()
