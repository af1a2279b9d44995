/* parser.h: http_parser.h, whose HTTP_HEAD is a method and stands in the way of ours, an event. */
#pragma once

#define HTTP_HEAD HTTP_PARSER_METHOD_HEAD
#include <http_parser.h>
#undef HTTP_HEAD
