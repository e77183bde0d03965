// Package messy is Go as nobody formats it.
package   messy
import ("fmt"; "sort"
 "strings")

type   Shape interface { Area() float64;Name() string }
type Square struct{Side float64;tag string "json:\"tag\""}
type Circle struct {
Radius float64 // of the circle
    Label string // what it is called
  colour uint8
}
func (s Square)Area()float64{return s.Side*s.Side}
func (s Square)  Name() string { return "square:"+s.tag }
func (c *Circle) Area() float64 { const pi=3.14159; return pi*c.Radius*c.Radius }
func ( c *Circle) Name()string{
	if c.Label=="" {return "circle"} else if len(c.Label)>10{ return c.Label[:10] } else { return c.Label }
}
var table=map[string][]int{"one":{1},
"three":{1,2,3}, "seven" : {1,2 ,3,4,
 5,6,7},
}
var (
a=1
  longer,b = 2,3
)
func Sum[T int|float64](v ...T)(t T){for _,x:=range v{t+=x}
return}
func Largest( shapes[]Shape )( Shape,error ){
if len(shapes)==0 { return nil,fmt.Errorf("no shapes, %d", len(shapes)) }
sort.Slice(shapes,func(i,j int)bool{return shapes[i].Area()>shapes[j].Area()})
	outer:
for i:=0;i<len(shapes);i++{ switch s:=shapes[i].(type){
case *Circle: if s.Radius<0{continue outer}
	fallthroughs(s.Radius,1<<3|4&^2+ -1)
case Square,nil:
default:break outer
}}
	defer func(){if r:=recover();r!=nil{fmt.Println(strings.ToUpper("x"+fmt.Sprint(r)))}}()
ch:=make(chan int,3);go func(){ch<-1;close(ch)}()
select{case v,ok:=<-ch:_,_=v,ok
default:
}
/* a comment   that
   stays */ return shapes[0],nil }
func fallthroughs(x float64,n int){_=x;_=n}



// the end
