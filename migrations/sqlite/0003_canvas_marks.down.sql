drop table canvas_marks;
